"""The pace of RecurrentPPO with a liquid network and with an LSTM.

    OMP_NUM_THREADS=1 python benchmarks/recurrent_ppo.py [--rounds 5] [--json FILE]

Environment steps per second, rollouts and updates, on CartPole without velocities with
rl-baselines3-zoo's settings for CartPoleNoVel-v1 (`novel.py`): LiquidPolicy, with
compiled loops and without, against MlpLstmPolicy with as many hidden units. Runs are
interleaved; a ratio is the median of the rounds' ratios. Run it with nothing else
running.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import click
from common.backends import backend, has_numba
from novel import make_agent
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROWS = {"liquid, compiled": "liquid", "liquid, operators": "liquid", "LSTM": "LSTM"}


@click.command()
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--steps", default=2048, help="Steps of a round.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write here too.")
def main(rounds: int, steps: int, path: Path | None) -> None:
    """Measures the steps per second of learning."""
    names = [name for name in ROWS if name != "liquid, compiled" or has_numba()]
    agents = {name: make_agent("CartPole", ROWS[name], seed=0) for name in names}
    paces: dict[str, list[float]] = {name: [] for name in names}
    for turn in track(range(rounds + 1), "learning"):
        for name, agent in agents.items():
            plain = backend("operators" if name.endswith("operators") else None)
            start = time.perf_counter()
            with plain:
                agent.learn(steps, reset_num_timesteps=False)
            if turn:  # the first one warms up
                paces[name].append(steps / (time.perf_counter() - start))
    rows = []
    for name, pace in paces.items():
        ratios = [a / b for a, b in zip(pace, paces["LSTM"], strict=True)]
        row = {"policy": name, "steps/s": statistics.median(pace)}
        rows.append(row | {"ratio": statistics.median(ratios)})
    table = Table(*rows[0])
    for row in rows:
        table.add_row(row["policy"], f"{row['steps/s']:.0f}", f"{row['ratio']:.2f}")
    Console().print(table)
    if path:
        path.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
