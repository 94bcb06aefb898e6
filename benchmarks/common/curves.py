"""The picture of returns while learning."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from common.runner import Row
from common.scores import grouped

COLUMNS = 4


def draw_curves(rows: Iterable[Row], path: Path, title: str) -> None:
    """Draws returns while learning, a panel for each task that has any.

    Each policy has a line, the mean over its seeds, and each seed a faint one.
    """
    import matplotlib.pyplot as plt

    panels = grouped((row for row in rows if row["curve"]), ("task",))
    n_columns = min(len(panels), COLUMNS) or 1
    n_lines = -(-len(panels) // n_columns) or 1
    size = 5 * n_columns, 3.6 * n_lines
    figure = plt.figure(figsize=size, layout="tight")
    for place, ((task,), panel) in enumerate(panels.items(), 1):
        axis = figure.add_subplot(n_lines, n_columns, place)
        for n, ((policy,), group) in enumerate(grouped(panel, ("policy",)).items()):
            curves = [np.array(row["curve"]) for row in group]
            steps = max(curves, key=len)[:, 0]
            lines = [np.interp(steps, curve[:, 0], curve[:, 1]) for curve in curves]
            for line in lines:
                axis.plot(steps, line, color=f"C{n}", alpha=0.2, linewidth=0.8)
            axis.plot(steps, np.mean(lines, axis=0), color=f"C{n}", label=policy)
        axis.set(title=title.format(task), xlabel="steps", ylabel="return")
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.locator_params(axis="x", nbins=5)
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)
