"""What a step of a trained agent costs where it is used, by what acts.

    python benchmarks/deploy.py [--json FILE]

For each agent one environment is acted in, in turn by `velora.onnx.OnnxAgent` with its
exported file, `velora.sb3.Agent`, `model.predict` with the state carried by hand, and,
of networks that have one, `frozen_step`, which is the network alone: it neither checks
observations nor makes actions of its outputs. Runs are interleaved on one thread, and
each number is a median over rounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.progress import track
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO, SAC
from torch import nn

from common.table import json_option, show, write_json
from velora.onnx import OnnxAgent, export
from velora.sb3 import Agent, MemoryPPO, networks_of

AGENTS: dict[str, Callable[[], Any]] = {
    "PPO NCPPolicy": lambda: PPO("NCPPolicy", "CartPole-v1", device="cpu"),
    "SAC NCPPolicy": lambda: SAC(
        "NCPPolicy", "Pendulum-v1", buffer_size=10, device="cpu"
    ),
    "RecurrentPPO LiquidPolicy": lambda: RecurrentPPO(
        "LiquidPolicy", "CartPole-v1", device="cpu"
    ),
    "MemoryPPO LiquidPolicy": lambda: MemoryPPO(
        "LiquidPolicy", "CartPole-v1", device="cpu"
    ),
    "MemoryPPO LSTMPolicy": lambda: MemoryPPO(
        "LSTMPolicy", "CartPole-v1", device="cpu"
    ),
}

Step = Callable[[np.ndarray], object]


def predicting(model: Any) -> Step:
    """Returns a step of `predict`, whose state goes from one to the next."""
    state: Any = None

    def step(seen: np.ndarray) -> object:
        nonlocal state
        action, state = model.predict(seen, state, deterministic=True)
        return action

    return step


def frozen(model: Any) -> Step | None:
    """Returns a frozen step of the actor's network, if it has one."""
    network: Any = networks_of(model, nn.Module)["pi"]
    if not hasattr(network, "frozen_step"):
        return None
    alone, state = network.frozen_step(), network.initial_state(1)

    def step(seen: np.ndarray) -> object:
        nonlocal state
        outputs, state = alone(torch.from_numpy(seen)[None], state)
        return outputs

    return step


def microseconds(step: Step, observations: np.ndarray) -> float:
    start = time.perf_counter()
    for seen in observations:
        step(seen)
    return (time.perf_counter() - start) / len(observations) * 1e6


def measure(name: str, rounds: int, n_steps: int) -> dict[str, float | str]:
    model = AGENTS[name]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.onnx"
        done = export(model, path)
        agent = OnnxAgent(path)
    steps = {"OnnxAgent": agent.act, "Agent": Agent(model).act}
    steps["predict"] = predicting(model)
    if alone := frozen(model):
        steps["frozen step"] = alone
    size = model.observation_space.shape
    observations = np.random.default_rng(0).normal(size=(n_steps, *size))
    observations = observations.astype(np.float32) / 10
    times: dict[str, list[float]] = {kind: [] for kind in steps}
    for _ in range(rounds):
        for kind, step in steps.items():
            times[kind].append(microseconds(step, observations))
    medians = {kind: statistics.median(found) for kind, found in times.items()}
    return {
        "agent": name,
        "file [kB]": done.n_bytes / 1e3,
        "difference": done.difference,
        **{f"{kind} [µs]": medians.get(kind, "") for kind in (*steps, "frozen step")},
        "Agent / OnnxAgent": medians["Agent"] / medians["OnnxAgent"],
    }


@click.command()
@click.option("--rounds", default=15, help="Interleaved rounds.")
@click.option("--steps", default=500, help="Of each in a round.")
@json_option
def main(rounds: int, steps: int, path: Path | None) -> None:
    """Measures a step of exported agents beside the models."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = [measure(name, rounds, steps) for name in track(AGENTS, "agents")]
    show(rows, "One step in one environment")
    write_json(path, rows)


if __name__ == "__main__":
    main()
