"""What the runs of a row come to: scores over seeds, size and pace."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from common.runner import Row

Key = tuple[Any, ...]


def grouped(rows: Iterable[Row], keys: Sequence[str]) -> dict[Key, list[Row]]:
    """Returns the rows by the values of some columns, in the order of the rows."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def summarise(rows: Iterable[Row], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Returns a line for each group of rows: scores over seeds, size and pace."""
    lines = []
    for values, group in grouped(rows, keys).items():
        scores = [row["score"] for row in group]
        mean, spread = statistics.mean(scores), statistics.pstdev(scores)
        line = {
            "mean": f"{mean:.1f} ± {spread:.1f}",
            "worst seed": f"{min(scores):.1f}",
            "seeds": " ".join(f"{score:.0f}" for score in scores),
            "parameters": group[0]["parameters"],
            "active": group[0]["active"],
            "steps/s": statistics.median(row["steps/s"] for row in group),
        }
        lines.append(dict(zip(keys, values, strict=True)) | line)
    return lines
