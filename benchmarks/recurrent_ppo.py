"""The pace of RecurrentPPO with a liquid network and with an LSTM.

    OMP_NUM_THREADS=1 python benchmarks/recurrent_ppo.py [--rounds 5] [--json FILE]

Environment steps per second, rollouts and updates, on CartPole without velocities with
rl-baselines3-zoo's settings for CartPoleNoVel-v1 (`novel.py`): LiquidPolicy, with
compiled loops and without, and with the network "gated-leaky", against MlpLstmPolicy
with as many hidden units as the first. Runs are interleaved; a ratio is the median of
the rounds' ratios. Run it with nothing else running.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import click
from rich.progress import track

from common.backends import backend, has_numba
from common.no_velocity import job
from common.table import json_option, show, write_json
from common.training import make_agent

ROWS = {  # of `novel.py`, and the backend
    "liquid, compiled": ("liquid", "numba"),
    "liquid, operators": ("liquid", "operators"),
    "gated-leaky, compiled": ("gated-leaky", "numba"),
    "LSTM": ("LSTM", None),
}


@click.command()
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--steps", default=2048, help="Steps of a round.")
@json_option
def main(rounds: int, steps: int, path: Path | None) -> None:
    """Measures the steps per second of learning."""
    names = [name for name in ROWS if has_numba() or ROWS[name][1] != "numba"]
    agents = {
        name: make_agent(job("CartPole", ROWS[name][0], seed=0)) for name in names
    }
    paces: dict[str, list[float]] = {name: [] for name in names}
    for turn in track(range(rounds + 1), "learning"):
        for name, agent in agents.items():
            start = time.perf_counter()
            with backend(ROWS[name][1]):
                agent.learn(steps, reset_num_timesteps=False)
            if turn:  # the first one warms up
                paces[name].append(steps / (time.perf_counter() - start))
    rows = []
    for name, pace in paces.items():
        ratios = [a / b for a, b in zip(pace, paces["LSTM"], strict=True)]
        row = {"policy": name, "steps/s": statistics.median(pace)}
        rows.append(row | {"ratio": statistics.median(ratios)})
    show(rows)
    write_json(path, rows)


if __name__ == "__main__":
    main()
