"""The wiring as a picture whose neurons can be lit, in SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from velora.models.lnn.wired import WiredNetwork
from velora.wiring.influence import (
    ENDS,
    Arrays,
    arrays_of,
    influence_of,
    size_of,
    strengths_of,
)
from velora.wiring.picture.order import ordered
from velora.wiring.picture.selection import Selection, select

WIDTH, HEIGHT = 760, 560
_TOP, _BOTTOM = 58, 16  # for headings, and for the margin
_COLUMNS = {"sensory": 112.0, "inter": 286.0, "command": 480.0, "motor": 622.0}
_FOREIGN = {"state": 300.0, "motor": 600.0}
_APART, _LARGEST, _SMALLEST = 15.0, 10.0, 2.2  # between centres; radii
_N_LABELS, _LETTERS = 24, 16


@dataclass(frozen=True)
class _Dot:
    """A neuron in the picture."""

    x: float
    y: float
    radius: float


def wiring_svg(
    sizes: Mapping[str, int],
    names: Mapping[str, Sequence[str]],
    network: WiredNetwork | None,
) -> tuple[str, str]:
    """Draws neurons and, of a network of ours, its strongest synapses.

    Args:
        sizes: how many neurons each layer has, in the order of the rows of activities.
        names: of neurons, by layer.
        network: what is drawn; None of one whose synapses are its own.

    Returns:
        The picture, whose circles have `data-row` and whose lines `data-from`, and a
        caption.
    """
    rows = _first_rows(sizes)
    order = {layer: np.arange(size) for layer, size in sizes.items()}
    share = {layer: np.full(size, 0.4) for layer, size in sizes.items()}
    lines: list[str] = []
    caption = "Synapses are drawn of networks whose neurons are Velora's."
    if network is not None:
        effects = arrays_of(network.effects)
        selection = select(
            effects, weighted=True, top=None, highlight=None, highlighted=""
        )
        influence = influence_of(effects)
        order = ordered(selection.drawn, influence)
        for layer in sizes:
            size = size_of(influence[layer])
            share[layer] = (size / (size.max() or 1.0)) ** 0.5
    dots = {
        layer: _dots(layer, order[layer], share[layer], single=network is None)
        for layer in sizes
    }
    if network is not None:
        lines = [*_lines(effects, selection, dots, rows)]
        words = ("Blue lines excite, orange ones inhibit.", *selection.words)
        caption = " ".join(words)
    parts = [
        f'<svg id="wiring" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="The wiring: each neuron in the colour of its activity">',
        *_headings(sizes),
        f'<g class="lines">{"".join(lines)}</g><g id="ways"></g>',
        f'<g class="neurons">{"".join(_circles(dots, rows, names))}</g>',
        *_labels(dots, names),
        "</svg>",
    ]
    return "".join(parts), caption


def _first_rows(sizes: Mapping[str, int]) -> dict[str, int]:
    first, rows = 0, {}
    for layer, size in sizes.items():
        rows[layer], first = first, first + size
    return rows


def _dots(
    layer: str, order: np.ndarray, share: np.ndarray, *, single: bool
) -> list[_Dot]:
    """Places the neurons of a layer, in as many columns as they need."""
    room, count = HEIGHT - _TOP - _BOTTOM, len(order)
    columns = max(1, min(10, math.ceil(count * _APART / room)))
    apart = min(room / count, 64.0)
    radius = min(_LARGEST, 0.46 * max(apart, min(apart * columns, _APART)))
    x = (_FOREIGN if single else _COLUMNS)[layer]
    top = _TOP + (room - apart * count) / 2
    dots = [_Dot(0, 0, 0)] * count
    for place, neuron in enumerate(order.tolist()):
        aside = (place % columns - (columns - 1) / 2) * 2.1 * radius
        size = max(_SMALLEST, radius * (0.5 + 0.5 * float(share[neuron])))
        dots[neuron] = _Dot(x + aside, top + apart * (place + 0.5), size)
    return dots


def _lines(
    effects: Arrays,
    selection: Selection,
    dots: Mapping[str, list[_Dot]],
    rows: Mapping[str, int],
) -> Iterator[str]:
    """Yields the synapses that are drawn, the weakest of a layer first."""
    strengths = strengths_of(effects, influence_of(effects))
    for name in ("recurrent", "inter", "command", "motor"):
        if name not in effects:
            continue
        start, end = ENDS[name]
        strength = strengths[name]
        sources, targets = selection.drawn[name].nonzero()
        rank = np.argsort(strength[sources, targets], kind="stable")
        largest = strength.max(initial=1e-300)
        for i, j in zip(sources[rank].tolist(), targets[rank].tolist(), strict=True):
            kind = "inhibits" if effects[name][i, j] < 0 else "excites"
            width = 0.6 + 3.2 * float(strength[i, j] / largest)
            shape = _arc if name == "recurrent" else _curve
            way = shape(dots[start][i], dots[end][j])
            yield (
                f'<path class="{kind}" data-from="{rows[start] + i}" '
                f'stroke-width="{width:.2f}" d="{way}"/>'
            )


def _curve(a: _Dot, b: _Dot) -> str:
    bend = 0.45 * (b.x - a.x)
    return (
        f"M{a.x:.1f} {a.y:.1f}C{a.x + bend:.1f} {a.y:.1f} "
        f"{b.x - bend:.1f} {b.y:.1f} {b.x:.1f} {b.y:.1f}"
    )


def _arc(a: _Dot, b: _Dot) -> str:
    """An arc beside the command neurons, of one with itself a loop."""
    if a == b:
        r = a.radius
        return f"M{a.x:.1f} {a.y - r:.1f}a{r:.1f} {r:.1f} 0 1 1 0 {2 * r:.1f}"
    aside = max(a.x, b.x) + 14 + 0.22 * abs(a.y - b.y)
    return (
        f"M{a.x:.1f} {a.y:.1f}C{aside:.1f} {a.y:.1f} "
        f"{aside:.1f} {b.y:.1f} {b.x:.1f} {b.y:.1f}"
    )


def _headings(sizes: Mapping[str, int]) -> Iterator[str]:
    columns = _FOREIGN if "state" in sizes else _COLUMNS
    for layer, size in sizes.items():
        x = columns[layer]
        yield f'<text class="heading" x="{x}" y="20">{layer}</text>'
        yield f'<text class="count" x="{x}" y="38">{size}</text>'


def _circles(
    dots: Mapping[str, list[_Dot]],
    rows: Mapping[str, int],
    names: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    for layer, places in dots.items():
        for index, dot in enumerate(places):
            yield (
                f'<circle data-row="{rows[layer] + index}" cx="{dot.x:.1f}" '
                f'cy="{dot.y:.1f}" r="{dot.radius:.1f}">'
                f"<title>{escape(names[layer][index])}</title></circle>"
            )


def _labels(
    dots: Mapping[str, list[_Dot]], names: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for layer, side, away in (("sensory", "end", -1), ("motor", "start", 1)):
        if len(dots.get(layer, ())) > _N_LABELS:
            continue
        for dot, name in zip(dots.get(layer, ()), names.get(layer, ()), strict=True):
            short = name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
            x = dot.x + away * (dot.radius + 6)
            yield (
                f'<text class="label" text-anchor="{side}" x="{x:.1f}" '
                f'y="{dot.y + 4:.1f}">{escape(short)}</text>'
            )
