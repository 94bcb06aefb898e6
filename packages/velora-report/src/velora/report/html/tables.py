"""Lesions, time constants and gates as tables whose cells hold bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from velora.report.html.statistics import Neuron, Range, slowest
from velora.report.html.words import Names, number, signed
from velora.report.lesions import Lesions

_FIRST = 15  # rows that are shown before one asks for all


def lesion_table(found: Lesions, names: Names) -> str:
    """Returns how the return changes without each neuron, the largest change first."""
    changes, intervals = found.differences, found.intervals
    bounds = np.concatenate((changes, intervals[np.isfinite(intervals)], [0.0]))
    low, high = float(bounds.min()), float(bounds.max())
    span = (high - low) or 1.0
    zero = -low / span
    rows: dict[bool, list[str]] = {False: [], True: []}  # of those that change nothing
    idle = (found.returns == found.intact).all(axis=1)
    for index in np.argsort(-np.abs(changes), kind="stable").tolist():
        change, (left, right) = float(changes[index]), intervals[index].tolist()
        label = ", ".join(names[layer][i] for layer, i in found.groups[index])
        at = (change - low) / span
        start, width = min(zero, at), abs(at - zero)
        marks = _mark("bar harms" if change < 0 else "bar helps", start, width)
        said = signed(change)
        if math.isfinite(left):
            marks += _mark("reach", (left - low) / span, (right - left) / span)
            said += f' <span class="pale">{signed(left)} to {signed(right)}</span>'
        marks += _mark("axis", zero, 0)
        row = _row(label, f'<div class="plot">{marks}</div>', said)
        rows[bool(idle[index])].append(row)
    heads = ("without", "change of the return", "")
    tables = _table(heads, rows[False]) if rows[False] else ""
    if rows[True]:
        n_idle = f"{len(rows[True])} without which nothing changes"
        tables += _folded(n_idle, _whole_table(heads, rows[True]))
    return tables


def neuron_table(neurons: Sequence[Neuron], names: Names) -> str:
    """Returns time constants and gates, the slowest neuron first.

    Of neurons that have none, how long their activity lasts.
    """
    timed = [neuron for neuron in neurons if neuron.time_constant is not None]
    if not timed:
        inner = [neuron for neuron in neurons if neuron.layer != "sensory"]
        return _lasting_table(sorted(inner, key=lambda n: -n.slowness), names)
    ranges = [neuron.time_constant for neuron in timed if neuron.time_constant]
    ends = [end for where in ranges for end in (where.low, where.high)]
    ends = [math.log10(end) for end in ends if 0 < end < math.inf] or [0.0]
    low, high = min(ends), max(*ends, min(ends) + 0.1)
    rows = []
    for neuron in sorted(timed, key=lambda n: -n.slowness):
        tau, gate = neuron.time_constant, neuron.gate
        if tau is None or gate is None:
            continue
        rows.append(
            _row(
                names[neuron.layer][neuron.index] + _verdicts(neuron),
                _spread(tau, low, high, logarithmic=True),
                number(tau.median),
                _spread(gate, 0, 1, logarithmic=False),
                number(gate.median),
            )
        )
    scale = f"time constant, {number(10**low)} to {number(10**high)} (logarithmic)"
    heads = ("neuron", scale, "median", "gate, shut to open", "median")
    return _table(heads, rows)


def verdicts(neurons: Sequence[Neuron], names: Names) -> list[tuple[str, str, str]]:
    """Returns the dead, the saturated and the slowest: title, which ones, meaning."""
    dead = [neuron for neuron in neurons if neuron.is_dead]
    saturated = [neuron for neuron in neurons if neuron.is_saturated]
    slow = slowest(list(neurons))
    return [
        (
            "Dead",
            _listed(dead, names),
            "moves less than 1 % of what the liveliest neuron of its layer does",
        ),
        (
            "Saturated",
            _listed(saturated, names) if _gated(neurons) else "has no gates",
            "its gate is open, or shut, by 95 % in 95 % of the steps",
        ),
        (
            "Slowest",
            _listed(slow, names, with_time=True),
            "by the median of its time constant"
            if _gated(neurons)
            else "by the steps in which its autocorrelation falls to 1/e",
        ),
    ]


def _gated(neurons: Sequence[Neuron]) -> bool:
    return any(neuron.gate is not None for neuron in neurons)


def _listed(neurons: Sequence[Neuron], names: Names, *, with_time: bool = False) -> str:
    said = [
        names[neuron.layer][neuron.index]
        + (f" ({number(neuron.slowness)})" if with_time else "")
        for neuron in neurons[:12]
    ]
    more = f" and {len(neurons) - 12} more" if len(neurons) > 12 else ""
    return (", ".join(said) or "none") + more


def _lasting_table(neurons: Sequence[Neuron], names: Names) -> str:
    finite = [n.lasts for n in neurons if 0 < n.lasts < math.inf]
    high = max(finite, default=1.0)
    rows = []
    for neuron in neurons:
        share = min(1.0, neuron.lasts / high)
        name = names[neuron.layer][neuron.index] + _verdicts(neuron)
        bar = f'<div class="plot">{_mark("bar lasts", 0, share)}</div>'
        rows.append(_row(name, bar, number(neuron.lasts)))
    return _table(
        ("neuron", "steps in which its autocorrelation falls to 1/e", ""), rows
    )


def _verdicts(neuron: Neuron) -> str:
    said = ["dead"] if neuron.is_dead else []
    said += ["saturated"] if neuron.is_saturated else []
    return f" ({', '.join(said)})" if said else ""


def _spread(where: Range, low: float, high: float, *, logarithmic: bool) -> str:
    """Returns a bar over 90 % of the steps with a mark at their median."""
    ends = [
        (_log(value) if logarithmic else value) - low
        for value in (where.low, where.median, where.high)
    ]
    left, middle, right = (min(1.0, max(0.0, end / (high - low))) for end in ends)
    marks = _mark("range", left, right - left) + _mark("median", middle, 0)
    return f'<div class="plot">{marks}</div>'


def _log(value: float) -> float:
    return math.log10(value) if value > 0 else -math.inf


def _mark(kind: str, start: float, width: float) -> str:
    """Returns something in a plot; both numbers are shares of its width."""
    return (
        f'<i class="{kind}" style="left:{100 * start:.2f}%;'
        f'width:{100 * width:.2f}%"></i>'
    )


def _row(name: str, *cells: str) -> str:
    return (
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """Returns a table of the first rows, and below it one of the others."""
    if len(rows) <= _FIRST + 3:
        return _whole_table(heads, rows)
    others = _whole_table(heads, rows[_FIRST:])
    return _whole_table(heads, rows[:_FIRST]) + _folded(
        f"The other {len(rows) - _FIRST}", others
    )


def _whole_table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"
