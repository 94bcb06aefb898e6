"""What the runs of a row come to: scores over seeds, size and pace."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from common.runner import Row

Key = tuple[Any, ...]
Curve = Sequence[Sequence[float]]  # of (steps, return)
LATE = 0.6  # of the steps


def grouped(rows: Iterable[Row], keys: Sequence[str]) -> dict[Key, list[Row]]:
    """Returns the rows by the values of some columns, in the order of the rows."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def summarise(
    rows: Iterable[Row], keys: Sequence[str], solved: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Returns a line for each group of rows: scores over seeds, size and pace.

    Args:
        rows: What was trained.
        keys: The columns that make a group.
        solved: The return that counts as learned, by task; None asks for no steps.
    """
    lines = []
    for values, group in grouped(rows, keys).items():
        scores = [row["score"] for row in group]
        mean, spread = statistics.mean(scores), statistics.pstdev(scores)
        whole = max(map(abs, scores)) > 5  # else all that tells scores apart is small
        places, of_mean = (0, 1) if whole else (2, 3)
        line = {
            "mean": f"{mean:.{of_mean}f} ± {spread:.{of_mean}f}",
            "worst seed": f"{min(scores):.{of_mean}f}",
            "seeds": " ".join(f"{score:.{places}f}" for score in scores),
            "learning, 60 %": return_at(group, LATE),
            "100 %": return_at(group, 1),
        }
        if solved is not None:
            threshold = solved.get(group[0]["task"])
            line["solved"] = "" if threshold is None else f"{threshold:g}"
            line["steps to it"] = _median_steps(group, threshold)
        line |= {
            "parameters": group[0]["parameters"],
            "active": group[0]["active"],
            "steps/s": statistics.median(row["steps/s"] for row in group),
        }
        lines.append(dict(zip(keys, values, strict=True)) | line)
    return lines


def return_at(group: Sequence[Row], share: float) -> float | str:
    """Returns the mean return while learning, after a share of the steps, if known."""
    curves = [np.array(row["curve"]) for row in group]
    steps = share * group[0]["steps"]
    if not all(curve.size and curve[0, 0] <= steps for curve in curves):
        return ""
    return float(np.mean([np.interp(steps, *curve.T) for curve in curves]))


def steps_to(curve: Curve, threshold: float) -> float:
    """Returns the steps after which a curve first reaches a return; infinity if never.

    Between points it is a straight line.
    """
    if curve and curve[0][1] >= threshold:
        return curve[0][0]
    for (before, low), (after, high) in pairwise(curve):
        if high >= threshold:
            return before + (after - before) * (threshold - low) / (high - low)
    return math.inf


def median_steps_to(group: Sequence[Row], threshold: float) -> float:
    """Returns the steps that the median seed needs; infinity if it never gets there."""
    return statistics.median(steps_to(row["curve"], threshold) for row in group)


def _median_steps(group: Sequence[Row], threshold: float | None) -> str:
    if threshold is None:
        return ""
    steps = median_steps_to(group, threshold)
    n = sum(steps_to(row["curve"], threshold) < math.inf for row in group)
    return f"{f'{steps:,.0f}' if n * 2 > len(group) else 'never'} ({n} of {len(group)})"
