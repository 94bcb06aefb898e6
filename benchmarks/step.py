"""What one step costs: heads packed into one product, and the pace of algorithms.

    python benchmarks/step.py [--json FILE]
    python benchmarks/step.py --device cuda

Part 1, for (neurons, batch): one no-gradient step of `LiquidNCPNetwork` against the
same network with its cell computed head by head, five masked linear layers one after
another. "step" is `network(x, h)`, "frozen" is `network.frozen_step()(x, h)`. Part 2:
environment steps per second of PPO on CartPole-v1 (8 environments, rollouts of 2,048
steps, 10 epochs), SAC on Pendulum-v1 (an update a step) and DQN on CartPole-v1 (an
update every second step) with NCPPolicy against MlpPolicy: each as it is ("default"),
and with layers of the same widths, on a CPU or a GPU. Runs are interleaved, and each
ratio is between medians or a median itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from rich.progress import track
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env
from torch import Tensor

import velora.sb3  # noqa: F401  # makes "NCPPolicy" known
from common.reference import head_by_head
from common.table import json_option, show, write_json
from velora.models import LiquidNCPNetwork

SIZES = [(160, 1), (160, 64), (640, 64)]


def seconds(step: Callable[[Tensor, Tensor], object], *args: Tensor, n: int) -> float:
    start = time.perf_counter()
    for _ in range(n):
        step(*args)
    return (time.perf_counter() - start) / n


@torch.no_grad()
def measure_step(neurons: int, batch: int, rounds: int) -> dict[str, float | str]:
    network = LiquidNCPNetwork(8, neurons, 2)
    x, hidden = torch.randn(batch, 8), network.initial_state(batch)
    steps = {
        "head by head": head_by_head(network),
        "step": network,
        "frozen": network.frozen_step(),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, x, hidden, n=100))
    medians = {name: statistics.median(values) for name, values in times.items()}
    row = {f"{name} [µs]": 1e6 * value for name, value in medians.items()}
    for name in ("step", "frozen"):
        row[f"{name} / head by head"] = medians[name] / medians["head by head"]
    return {"neurons": neurons, "batch": batch} | row


def ppo_on_cart_pole(batch: int) -> Callable[..., BaseAlgorithm]:
    """PPO with rollouts of 2,048 steps."""
    env = make_vec_env("CartPole-v1", 8, seed=0)
    return partial(PPO, env=env, n_steps=256, batch_size=batch)


def sac_on_pendulum(batch: int) -> Callable[..., BaseAlgorithm]:
    """SAC, an update a step."""
    env = make_vec_env("Pendulum-v1", seed=0)
    return partial(SAC, env=env, batch_size=batch, learning_starts=100)


def dqn_on_cart_pole(batch: int) -> Callable[..., BaseAlgorithm]:
    """DQN, an update every second step, as rl-baselines3-zoo has it."""
    env = make_vec_env("CartPole-v1", seed=0)
    settings = {"train_freq": 256, "gradient_steps": 128, "learning_starts": 100}
    return partial(DQN, env=env, batch_size=batch, **settings)


def measure_pace(
    name: str, neurons: int | None, batch: int, rounds: int, scale: float, device: str
) -> dict[str, float | str]:
    make, steps = PACES[name]
    ours: dict[str, Any] = {} if neurons is None else {"n_neurons": neurons}
    always: dict[str, Any] = {"seed": 0, "device": device}
    sparse = make(batch)("NCPPolicy", policy_kwargs=ours, **always)
    counts = next(iter(sparse.policy.networks.values())).counts
    widths = None if neurons is None else [counts.inter, counts.command]
    dense = make(batch)("MlpPolicy", policy_kwargs={"net_arch": widths}, **always)
    models = {"NCPPolicy": sparse, "MlpPolicy": dense}
    rates: dict[str, list[float]] = {kind: [] for kind in models}
    n_steps = max(int(steps * scale), 200)
    for _ in range(rounds):
        for kind, model in models.items():
            start = time.perf_counter()
            model.learn(n_steps)
            rates[kind].append(n_steps / (time.perf_counter() - start))
    pairs = zip(rates["NCPPolicy"], rates["MlpPolicy"], strict=True)
    row = {f"{kind} [steps/s]": statistics.median(r) for kind, r in rates.items()}
    ratio = statistics.median(a / b for a, b in pairs)
    layers = {
        "neurons": f"{counts.inter + counts.command}{'' if neurons else ', default'}",
        "widths": "default" if widths is None else str(widths),
        "minibatch": batch,
    }
    return {"algorithm": name} | layers | row | {"NCP / MLP": ratio}


PACES: dict[str, tuple[Callable[[int], Callable[..., BaseAlgorithm]], int]] = {
    "PPO": (ppo_on_cart_pole, 8192),  # and steps of a round
    "SAC": (sac_on_pendulum, 400),
    "DQN": (dqn_on_cart_pole, 1024),
}
ROWS = [  # algorithm, neurons, minibatch
    *(("PPO", None, batch) for batch in (64, 256)),
    ("SAC", None, 256),
    ("DQN", None, 64),
    *(("PPO", *size) for size in ((64, 64), (64, 256), (128, 64), (128, 256))),
    *(("SAC", *size) for size in ((64, 256), (256, 256))),
    *(("DQN", *size) for size in ((64, 64), (256, 64))),
]


@click.command()
@click.option("--rounds", default=31, help="Interleaved rounds of 100 steps.")
@click.option("--pace-rounds", default=7, help="Interleaved rounds of learning.")
@click.option("--scale", default=1.0, help="Longer or shorter rounds of learning.")
@click.option("--device", default="cpu", help="Where agents learn.")
@json_option
def main(
    rounds: int, pace_rounds: int, scale: float, device: str, path: Path | None
) -> None:
    """Measures a step of the liquid network and the pace of three algorithms."""
    torch.manual_seed(0)
    step = [measure_step(n, b, rounds) for n, b in track(SIZES, "steps")]
    show(step, "One no-gradient step of LiquidNCPNetwork")
    rows = track(ROWS, "learning")
    pace = [measure_pace(*row, pace_rounds, scale, device) for row in rows]
    show(pace, "Environment steps per second")
    write_json(path, {"step": step, "pace": pace})


if __name__ == "__main__":
    main()
