"""Agents that remember and replay: MemorySAC and MemoryDQN without velocities.

    python benchmarks/replay.py [--task CartPole] [--seeds 3] [--json F]

rl-baselines3-zoo's settings, for SAC on Pendulum with 30,000 steps, and for DQN on
CartPole with 50,000, where MemoryDQN has a lower learning rate and larger minibatches.
Rows:

- "liquid", "LSTM", "GRU": the algorithm with LiquidPolicy, LSTMPolicy and GRUPolicy;
- "frames": SAC or DQN with MlpPolicy on four observations, the zoo's layers;
- if asked for, "liquid, small head" of Pendulum, whose critics have one dense layer of
  64 after their memory; "liquid, no head" of CartPole, whose motor neurons are the
  Q-values; "frames, slowly", with that learning rate and those minibatches; "liquid,
  normalised" and "frames, normalised", with VecNormalize; and "window", SAC or DQN with
  LiquidPolicy over the last four observations.

A score is the mean return of 40 deterministic episodes after the last step. With --json
it goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.comparison import Comparison, command
from common.no_velocity import TASKS, without_velocity
from common.training import AgentJob
from common.zoo import LAYERS, OF_DQN


@dataclass
class Replay:
    """What a task is learned with."""

    algorithm: str
    steps: int
    settings: dict[str, Any]  # the zoo's
    dense: dict[str, Any] = field(default_factory=dict)  # policy_kwargs of MlpPolicy
    sequences: dict[str, Any] = field(default_factory=dict)  # settings with memory


REPLAYS = {
    "Pendulum": Replay("SAC", 30_000, {"learning_rate": 1e-3}),
    "CartPole": Replay(
        "DQN",
        50_000,
        OF_DQN,
        LAYERS,
        # Steps of a sequence are alike: more of them, and shorter steps of learning.
        {"learning_rate": 3e-4, "batch_size": 256},
    ),
}
REMEMBERING: dict[str, tuple[str, dict[str, Any]]] = {
    "liquid": ("LiquidPolicy", {}),
    "LSTM": ("LSTMPolicy", {}),
    "GRU": ("GRUPolicy", {}),
    "liquid, small head": ("LiquidPolicy", {"head": (64,)}),
    "liquid, no head": ("LiquidPolicy", {"head": ()}),
    "liquid, normalised": ("LiquidPolicy", {}),
}


def job(task: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row."""
    replay, hidden = REPLAYS[task], TASKS[task]
    settings = replay.settings
    if row in REMEMBERING:
        algorithm, frames = f"Memory{replay.algorithm}", 1
        policy, options = REMEMBERING[row]
    else:
        algorithm, frames = replay.algorithm, 4
        policy, options = "MlpPolicy", replay.dense
        if row == "window":
            policy, options = "LiquidPolicy", {}
    if row in REMEMBERING or row == "frames, slowly":
        settings = settings | replay.sequences
    return AgentJob(
        {"task": task, "policy": row},
        algorithm,
        policy,
        without_velocity,
        seed,
        steps or replay.steps,
        settings=settings,
        policy_kwargs=options,
        env_kwargs={"name": hidden.env, "hidden": hidden.hidden, "frames": frames},
        is_normalized=row.endswith("normalised"),
    )


COMPARISON = Comparison(
    make_job=job,
    tasks=list(REPLAYS),
    rows=["liquid", "LSTM", "GRU", "frames"],
    optional_rows=[
        "liquid, small head",
        "liquid, no head",
        "liquid, normalised",
        "frames, slowly",
        "frames, normalised",
        "window",
    ],
    seeds=3,
    title="{} without velocity",
)

main = command(COMPARISON)

if __name__ == "__main__":
    main()
