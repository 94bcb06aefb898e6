"""Agents side by side: the command, its tables, and its curves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from common.baseline import Baseline
from common.curves import draw_curves
from common.runner import Job, Row, add_to_file, run_all
from common.scores import summarise
from common.table import json_option, show
from common.training import train

QUICK_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared, on what, and how its runs are made.

    Attributes:
        make_job: Makes the run of (task, row, seed, steps), the task's own where None.
        tasks: The names of all tasks.
        rows: The names of what is compared.
        optional_rows: What is compared where it is asked for.
        seeds: How many, if not told.
        first_seed: If not told.
        train: What makes a run.
        title: Of a task's curves.
        quick: The tasks of `--quick`, and their steps, their own where None.
        missing: The tasks that cannot run here, and what to do about it.
        baseline: The row that the others are compared with, if any.
    """

    make_job: Callable[..., Job]
    tasks: Sequence[str]
    rows: Sequence[str]
    optional_rows: Sequence[str] = ()
    seeds: int = 5
    first_seed: int = 0
    train: Callable[[Any], Row] = train
    title: str = "{}"
    quick: Mapping[str, int | None] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    baseline: Baseline | None = None

    def run(
        self,
        tasks: Sequence[str],
        rows: Sequence[str],
        seeds: int | None,
        first_seed: int,
        steps: int | None,
        jobs: int,
        quick: bool,
        path: Path | None,
        png: Path | None,
    ) -> bool:
        """Trains, shows and writes; returns whether all runs went well."""
        if absent := [self.missing[task] for task in tasks if task in self.missing]:
            raise click.ClickException(" ".join(absent))
        if not (tasks or quick) and self.missing:
            click.echo(f"Left out: {' '.join(self.missing.values())}")
        tasks = tasks or [
            task
            for task in (self.quick if quick else self.tasks)
            if task not in self.missing
        ]
        seeds = seeds or (QUICK_SEEDS if quick else self.seeds)
        own = self.quick if quick else {}
        work = [
            self.make_job(task, row, seed, steps or own.get(task))
            for seed in range(first_seed, first_seed + seeds)
            for task in tasks
            for row in rows or self.rows
        ]
        runs = run_all(self.train, work, path, jobs)
        self.report(runs, f"{seeds} seeds from {first_seed}", path)
        if png and runs:
            draw_curves(runs, png, self.title)
        return len(runs) == len(work)

    def report(self, runs: Sequence[Row], title: str, path: Path | None) -> None:
        """Shows and writes what the runs come to."""
        solved = self.baseline.thresholds(runs) if self.baseline else None
        summary = summarise(runs, ("task", "policy"), solved)
        show(summary, title, section="task")
        add_to_file(path, summary=summary)
        if self.baseline and (lines := self.baseline.compare(runs)):
            overall = self.baseline.aggregate(runs)
            show(lines, f"beside {self.baseline.policy}, with 95 % intervals")
            show(overall, f"over all, 1 is {self.baseline.policy} and 0 is chance")
            add_to_file(path, comparison=lines, overall=overall)


def command(comparison: Comparison) -> click.Command:
    """Returns the command that trains every row with every seed on every task."""
    task = click.Choice(list(comparison.tasks))
    row = click.Choice([*comparison.rows, *comparison.optional_rows])
    rows, quick = ", ".join(comparison.rows), ", ".join(comparison.quick)
    positive = click.IntRange(min=1)

    @click.option("--task", "tasks", multiple=True, type=task, help="Default: all.")
    @click.option("--row", "rows", multiple=True, type=row, help=f"Default: {rows}.")
    @click.option(
        "--seeds", type=positive, help=f"Of each row. Default: {comparison.seeds}."
    )
    @click.option(
        "--first-seed", default=comparison.first_seed, help="Seeds count from here."
    )
    @click.option("--steps", type=positive, help="Steps of each run, if not its own.")
    @click.option("--jobs", default=2, type=positive, help="Runs at once, a core each.")
    @json_option
    @click.option("--png", type=click.Path(path_type=Path), help="Draw curves here.")
    def main(quick: bool = False, **options: Any) -> None:
        sys.exit(not comparison.run(quick=quick, **options))

    if quick:
        text = f"{QUICK_SEEDS} seeds of {quick}, some of them with few steps."
        main = click.option("--quick", is_flag=True, help=text)(main)
    return click.command(help="Trains every row with every seed on every task.")(main)
