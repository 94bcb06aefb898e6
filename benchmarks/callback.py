"""What it costs to watch neurons while training: `velora.sb3.NeuronCallback`.

    OMP_NUM_THREADS=1 python benchmarks/callback.py [--rounds 5] [--json FILE]

Seconds of the CPU, which other programs do not lengthen, of learning with the callback
at its default interval against learning without it. A round is one interval of steps,
so the callback logs once in it. "itself" is the share of a round that is spent in the
callback; "with / without" the median of the rounds' ratios. Each of the two goes first
in every second round, so that a machine that slows down or speeds up favours none. The
settings are Stable-Baselines3's own, those of DQN as rl-baselines3-zoo has them; SAC
learns for a fifth of an interval and logs at its end, which is five times as often.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
from gymnasium.wrappers import FrameStackObservation
from rich.progress import track
from sb3_contrib import RecurrentPPO
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env

from common.table import json_option, show, write_json
from velora.sb3 import NeuronCallback


class Timed(NeuronCallback):
    """Notes what it takes."""

    seconds = 0.0

    def on_step(self) -> bool:
        """Notes what a step takes."""
        start = time.process_time()
        goes_on = super().on_step()
        self.seconds += time.process_time() - start
        return goes_on


def windows() -> gym.Env[Any, Any]:
    """CartPole-v1 with windows of four observations."""
    return FrameStackObservation(gym.make("CartPole-v1"), 4)


def ppo(policy: str, n_envs: int, env: Any = "CartPole-v1") -> BaseAlgorithm:
    """PPO with rollouts of 2,048 steps."""
    envs = make_vec_env(env, n_envs, seed=0)
    return PPO(policy, envs, n_steps=2048 // n_envs, seed=0, device="cpu")


def recurrent_ppo() -> BaseAlgorithm:
    """RecurrentPPO in eight environments."""
    envs = make_vec_env("CartPole-v1", 8, seed=0)
    return RecurrentPPO("LiquidPolicy", envs, seed=0, device="cpu")


def dqn() -> BaseAlgorithm:
    """DQN, an update every second step."""
    often = {"train_freq": 256, "gradient_steps": 128, "learning_starts": 100}
    return DQN("NCPPolicy", "CartPole-v1", seed=0, device="cpu", **often)


def sac() -> BaseAlgorithm:
    """SAC, an update a step."""
    return SAC("NCPPolicy", "Pendulum-v1", seed=0, device="cpu")


INTERVAL = NeuronCallback().every
ROWS: dict[str, tuple[Callable[[], BaseAlgorithm], int]] = {  # and steps of a round
    "PPO, NCPPolicy, 1 environment": (lambda: ppo("NCPPolicy", 1), INTERVAL),
    "PPO, NCPPolicy, 8 environments": (lambda: ppo("NCPPolicy", 8), INTERVAL),
    "PPO, LiquidPolicy, windows": (lambda: ppo("LiquidPolicy", 8, windows), INTERVAL),
    "RecurrentPPO, LiquidPolicy": (recurrent_ppo, INTERVAL),
    "DQN, NCPPolicy": (dqn, INTERVAL),
    "SAC, NCPPolicy": (sac, INTERVAL // 5),
}


def measure(
    name: str, make: Callable[[], BaseAlgorithm], steps: int, rounds: int
) -> dict[str, Any]:
    models = {"with": make(), "without": make()}
    shares, ratios = [], []
    for turn in range(rounds + 1):
        callback = Timed(steps)
        spent = {}
        for which in sorted(models, reverse=turn % 2 == 0):
            start = time.process_time()
            models[which].learn(steps, callback=callback if which == "with" else None)
            spent[which] = time.process_time() - start
        if turn:  # the first one warms up
            shares.append(callback.seconds / spent["with"])
            ratios.append(spent["with"] / spent["without"])
    row = {"training": name, "steps": steps, "itself [%]": _percent(shares)}
    return row | {"with / without": statistics.median(ratios)}


def _percent(shares: list[float]) -> float:
    return 100 * statistics.median(shares)


@click.command()
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--scale", default=1.0, help="Longer or shorter rounds, and intervals.")
@json_option
def main(rounds: int, scale: float, path: Path | None) -> None:
    """Measures what the callback costs."""
    rows = [
        measure(name, make, max(int(steps * scale), 1), rounds)
        for name, (make, steps) in track(ROWS.items(), "learning")
    ]
    show(rows)
    write_json(path, rows)


if __name__ == "__main__":
    main()
