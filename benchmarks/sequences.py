"""Sequences beyond reinforcement learning: who predicts, and who remembers?

    python benchmarks/sequences.py [--task NAME ...] [--row NAME ...] [--json FILE]
    python benchmarks/sequences.py --row "ncps LTC" --seeds 1 --rate 0.01 --minutes 20

With --json, what is in that file already is not trained again, so it may be stopped and
go on. Tasks (`common/sequence_tasks.py`):

- "Walker2d": predict what the sensors of gymnasium's Walker2d-v5 show next, a tenth of
  the frames missing by chance; mean squared error, in standard deviations. It is
  recorded once, of random actions and three moments of a PPO in training, and kept in
  --cache with a checksum in its name, which is looked at whenever it is read;
- "sines": predict the next value of a mixture of three sines seen at irregular times;
- "copy": say which three of eight symbols were shown a hundred steps before; accuracy,
  an eighth by chance.

Rows (`common/sequence_rows.py`), each with a state of 64 numbers; a memory beside it,
which LSTM and "mixed memory" have, has 64 more. The wirings are AutoNCP of 64 units,
those of "gated-leaky" of 160 neurons, which are 64 command neurons and those before
them:

- "LSTM", "GRU": PyTorch's own with a linear layer; "LSTM, slow" starts with forget
  gates for 1 to 100 steps;
- "ncps CfC", and with mixed memory: its dense CfC; "ncps LTC", if asked for: its LTC
  over a wiring;
- "CfC", with mixed memory, "LTC": ours of the same sizes; "cfc-layers" is the CfC over
  a wiring;
- "gated-leaky": what LiquidPolicy remembers by; "slow" starts with time constants
  between 1 and 100 steps, which the delay of "copy" is;
- "gated-leaky, time shown", "CfC, time shown": the same with the time as an input, too.

The time until the next value is given to all: our cells go on by it, to the others it
is one more input. ncps takes no times that differ between the rows of a batch (its
issues 81 to 83), so that its rows get it so, too.

All learn with Adam, in batches of 32, gradients of norm 1 at most, for as many epochs,
with each of two learning rates. The test is of the epoch with the least validation
error, and the table of the rate with the least of it, as a mean over the seeds. s/epoch
is CPU time of training alone, on one thread. Numbers below 1e-38, to which gradients
fade over a hundred steps and with which a CPU is several times as slow, are taken for
zero (`torch.set_flush_denormal`).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from common.runner import Row, add_to_file, run_all
from common.scores import grouped
from common.sequence_rows import MAKE, MISSING, OPTIONAL, ROWS
from common.sequence_tasks import TASKS
from common.sequence_training import SequenceJob, train
from common.table import json_option, readable, show
from common.walker import CACHE

RATES = (0.002, 0.01)


def summarise(runs: list[Row]) -> list[dict[str, Any]]:
    """Returns a line for each row of a task, at the better of its learning rates."""
    lines = []
    for (task, row), group in grouped(runs, ("task", "row")).items():
        by_rate = grouped(group, ("rate",)).values()
        of_rate = min(by_rate, key=lambda runs: _mean(runs, "validation"))
        scores = [TASKS[task].score(run["test"]) for run in of_rate]
        lines.append(
            {
                "task": task,
                "row": row,
                TASKS[task].measure: statistics.mean(scores),
                "seeds": " ".join(f"{score:.3g}" for score in scores),
                "rate": of_rate[0]["rate"],
                "epochs": " ".join(
                    f"{run['best epoch']}/{run['epochs']}" for run in of_rate
                ),
                "parameters": of_rate[0]["parameters"],
                "active": of_rate[0]["active"],
                "s/epoch": statistics.median(run["s/epoch"] for run in group),
            }
        )
    return lines


def _mean(runs: list[Row], column: str) -> float:
    return statistics.mean(run[column] for run in runs)


def to_run(
    asked: Sequence[str], names: Iterable[str], missing: Mapping[str, str]
) -> list[str]:
    """Returns what was asked for, or all of the names but what cannot run here."""
    absent = [missing[name] for name in asked or names if name in missing]
    if absent and asked:
        raise click.ClickException(" ".join(absent))
    if absent:
        click.echo(f"Left out: {' '.join(absent)}")
    return [name for name in asked or names if name not in missing]


positive = click.IntRange(min=1)


@click.command(help="Trains every row with every seed on every task.")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(list(TASKS)),
    help="Default: all.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=click.Choice(list(MAKE)),
    help=f"Default: all but {', '.join(OPTIONAL)}.",
)
@click.option("--seeds", default=3, type=positive, help="Of each row.")
@click.option("--first-seed", default=0, help="Seeds count from here.")
@click.option("--epochs", default=50, type=positive, help="Of each run.")
@click.option("--minutes", type=float, help="After which a run ends, after an epoch.")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    default=RATES,
    help=f"To choose from, for each row. Default: {RATES}.",
)
@click.option("--scale", default=1.0, help="Of the data, to try it out.")
@click.option("--jobs", default=2, type=positive, help="Runs at once, a core each.")
@click.option(
    "--cache",
    default=CACHE,
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where recordings are kept. Default: {CACHE}.",
)
@json_option
def main(
    tasks: tuple[str, ...],
    rows: tuple[str, ...],
    seeds: int,
    first_seed: int,
    epochs: int,
    minutes: float | None,
    rates: tuple[float, ...],
    scale: float,
    jobs: int,
    cache: Path,
    path: Path | None,
) -> None:
    missing = {name: task.missing for name, task in TASKS.items() if task.missing}
    names, of = to_run(tasks, TASKS, missing), to_run(rows, ROWS, MISSING)
    files = {
        name: make(cache, scale)
        for name in names
        if (make := TASKS[name].recorded) is not None
    }
    work = [
        SequenceJob(name, row, seed, rate, epochs, minutes, scale, files.get(name))
        for seed in range(first_seed, first_seed + seeds)
        for name in names
        for row in of
        for rate in rates
    ]
    runs = run_all(train, work, path, jobs)
    summary = summarise(runs)
    for (name,), lines in grouped(summary, ("task",)).items():
        of_task = next(run for run in runs if run["task"] == name)
        repeating = TASKS[name].score(of_task["repeating"])
        show(lines, f"{name}; who repeats what is seen has {readable(repeating)}")
    add_to_file(path, summary=summary)
    sys.exit(len(runs) < len(work))


if __name__ == "__main__":
    main()
