"""The pace of RecurrentPPO with a liquid network and with an LSTM.

    OMP_NUM_THREADS=1 python benchmarks/recurrent_ppo.py [--rounds 5] [--json FILE]
    OMP_NUM_THREADS=1 python benchmarks/recurrent_ppo.py --device cuda

Environment steps per second, rollouts and updates, on CartPole without velocities with
rl-baselines3-zoo's settings for CartPoleNoVel-v1: LiquidPolicy as it is and with the
network "liquid" (the rows "LiquidPolicy" and "CfC" of `novel.py`), with compiled loops
on the CPU, kernels on a GPU, and without either, against MlpLstmPolicy. Runs are
interleaved; a ratio is the median of the rounds' ratios. Run it with nothing else
running.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

import click
from rich.progress import track

from common.backends import backend, has_numba
from common.no_velocity import job
from common.table import json_option, show, write_json
from common.training import make_agent
from velora.utils import set_device

ROWS = {  # of `novel.py`, and the backend
    "LiquidPolicy, compiled": ("LiquidPolicy", "numba"),
    "LiquidPolicy, kernels": ("LiquidPolicy", "triton"),
    "LiquidPolicy, operators": ("LiquidPolicy", "operators"),
    "CfC, compiled": ("CfC", "numba"),
    "CfC, kernels": ("CfC", "triton"),
    "CfC, operators": ("CfC", "operators"),
    "LSTM": ("LSTM", None),
}


@click.command()
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--steps", default=2048, help="Steps of a round.")
@click.option("--device", "name", default="cpu", help="Where networks run.")
@json_option
def main(rounds: int, steps: int, name: str, path: Path | None) -> None:
    """Measures the steps per second of learning."""
    device = set_device(name)
    able = {
        "numba": device.type == "cpu" and has_numba(),
        "triton": device.type == "cuda",
    }
    agents = {}
    for name, (row, runs_with) in ROWS.items():
        if able.get(runs_with, True):
            run = job("CartPole", row, seed=0)
            settings = run.settings | {"device": str(device)}
            agents[name] = make_agent(replace(run, settings=settings))
    paces: dict[str, list[float]] = {name: [] for name in agents}
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
