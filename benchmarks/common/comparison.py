"""Agents side by side: the command, its table, and its curves."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from common.runner import Row, add_to_file, run_all
from common.table import json_option, show
from common.training import AgentJob, train

Key = tuple[Any, ...]


def command(
    make_job: Callable[..., AgentJob],
    tasks: Sequence[str],
    rows: Sequence[str],
    seeds: int,
    optional_rows: Sequence[str] = (),
    title: str = "{}",
) -> click.Command:
    """Returns the command that trains every row with every seed on every task.

    Args:
        make_job: Makes the run of (task, row, seed, steps), the task's own where None.
        tasks: The names of all tasks.
        rows: The names of what is compared.
        seeds: How many, if not told.
        optional_rows: What is compared where it is asked for.
        title: Of a task's curves.
    """
    task, row = click.Choice(list(tasks)), click.Choice([*rows, *optional_rows])
    positive = click.IntRange(min=1)

    @click.command(help="Trains every row with every seed on every task.")
    @click.option("--task", "names", multiple=True, type=task, help="Default: all.")
    @click.option(
        "--row", "kinds", multiple=True, type=row, help=f"Default: {', '.join(rows)}."
    )
    @click.option("--seeds", default=seeds, help="Seeds of each row.")
    @click.option("--first-seed", default=0, help="Seeds count from here.")
    @click.option("--steps", type=positive, help="Steps of each run, if not its own.")
    @click.option("--jobs", default=2, type=positive, help="Runs at once, a core each.")
    @json_option
    @click.option("--png", type=click.Path(path_type=Path), help="Draw curves here.")
    def main(
        names: tuple[str, ...],
        kinds: tuple[str, ...],
        seeds: int,
        first_seed: int,
        steps: int | None,
        jobs: int,
        path: Path | None,
        png: Path | None,
    ) -> None:
        work = [
            make_job(task, row, seed, steps)
            for seed in range(first_seed, first_seed + seeds)
            for task in names or tasks
            for row in kinds or rows
        ]
        runs = run_all(train, work, path, jobs)
        summary = summarise(runs, ("task", "policy"))
        show(summary, f"{seeds} seeds from {first_seed}", section="task")
        add_to_file(path, summary=summary)
        if png and runs:
            draw_curves(runs, png, title)
        sys.exit(len(runs) < len(work))

    return main


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


def draw_curves(rows: Iterable[Row], path: Path, title: str) -> None:
    """Draws returns while learning, a panel for each task.

    Each policy has a line, the mean over its seeds, and each seed a faint one.
    """
    import matplotlib.pyplot as plt

    panels = grouped(rows, ("task",))
    figure, axes = plt.subplots(
        1, len(panels), figsize=(5 * len(panels), 3.6), squeeze=False, layout="tight"
    )
    for axis, ((task,), panel) in zip(axes[0], panels.items(), strict=True):
        for n, ((policy,), group) in enumerate(grouped(panel, ("policy",)).items()):
            curves = [np.array(row["curve"]) for row in group if row["curve"]]
            if not curves:
                continue
            steps = max(curves, key=len)[:, 0]
            lines = [np.interp(steps, curve[:, 0], curve[:, 1]) for curve in curves]
            for line in lines:
                axis.plot(steps, line, color=f"C{n}", alpha=0.2, linewidth=0.8)
            axis.plot(steps, np.mean(lines, axis=0), color=f"C{n}", label=policy)
        axis.set(title=title.format(task), xlabel="steps", ylabel="return")
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)
