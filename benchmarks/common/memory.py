"""Agents that remember, side by side, on tasks without velocities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common import no_velocity
from common.training import AgentJob

LENGTHS = {"CartPole": None, "Pendulum": 32, "MountainCar": 64}
"""Steps of a sequence: at the zoo's settings those of a rollout fit CartPole alone."""

LSTM = "RecurrentPPO LSTM"
OTHERS = {
    "RecurrentPPO liquid": "LiquidPolicy",
    LSTM: "LSTM",
    "PPO frames": "frames",
}
"""Rows of `no_velocity`, by their name here."""

OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "liquid": ("LiquidPolicy", {}),
    "LSTM": ("LSTMPolicy", {}),
    "GRU": ("GRUPolicy", {}),
    "liquid, 64 neurons": ("LiquidPolicy", {"n_neurons": 64}),
    "CfC, 160 neurons": ("LiquidPolicy", {"n_neurons": 160, "network": "liquid"}),
}
"""Policy and its options of MemoryPPO, by the name of the row."""

ROWS = ("liquid", "LSTM", "GRU", LSTM, "PPO frames")
OPTIONAL_ROWS = ("liquid, 64 neurons", "CfC, 160 neurons", "RecurrentPPO liquid")


def job(task: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row on a task, with the zoo's steps if no others."""
    made = no_velocity.job(task, OTHERS.get(row, "LiquidPolicy"), seed, steps)
    made = replace(made, names={"task": task, "policy": row})
    if row in OTHERS:
        return made
    policy, options = OURS[row]
    return replace(
        made,
        algorithm="MemoryPPO",
        policy=policy,
        settings=made.settings | {"sequence_length": LENGTHS[task]},
        policy_kwargs=made.policy_kwargs | options,
    )
