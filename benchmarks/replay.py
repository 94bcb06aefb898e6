"""Agents that remember and replay: MemorySAC on Pendulum without velocities.

    python benchmarks/replay.py [--seeds 3] [--json F]

rl-baselines3-zoo's settings for SAC on Pendulum, and 30,000 steps. Rows:

- "liquid", "LSTM", "GRU": MemorySAC with LiquidPolicy, LSTMPolicy and GRUPolicy;
- "frames": SAC with MlpPolicy on the last four observations;
- if asked for, "liquid, small head", whose critics have one dense layer of 64 after
  their memory, and "window", SAC with LiquidPolicy over the last four observations.

A score is the mean return of 40 deterministic episodes after the last step. With --json
it goes on where it stopped.
"""

from __future__ import annotations

from typing import Any

from common.comparison import Comparison, command
from common.no_velocity import TASKS, without_velocity
from common.training import AgentJob

STEPS = 30_000
SETTINGS = {"learning_rate": 1e-3}
ROWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "liquid": ("MemorySAC", "LiquidPolicy", {}),
    "LSTM": ("MemorySAC", "LSTMPolicy", {}),
    "GRU": ("MemorySAC", "GRUPolicy", {}),
    "frames": ("SAC", "MlpPolicy", {}),
}
OPTIONAL_ROWS = {
    "liquid, small head": ("MemorySAC", "LiquidPolicy", {"head": (64,)}),
    "window": ("SAC", "LiquidPolicy", {}),
}


def job(task: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row."""
    algorithm, policy, options = (ROWS | OPTIONAL_ROWS)[row]
    hidden = TASKS[task]
    frames = 1 if algorithm == "MemorySAC" else 4
    return AgentJob(
        {"task": task, "policy": row},
        algorithm,
        policy,
        without_velocity,
        seed,
        steps or STEPS,
        settings=SETTINGS,
        policy_kwargs=options,
        env_kwargs={"name": hidden.env, "hidden": hidden.hidden, "frames": frames},
    )


COMPARISON = Comparison(
    make_job=job,
    tasks=["Pendulum"],
    rows=list(ROWS),
    optional_rows=list(OPTIONAL_ROWS),
    seeds=3,
    title="{} without velocity",
)

main = command(COMPARISON)

if __name__ == "__main__":
    main()
