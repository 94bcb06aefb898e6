"""Agents that remember, side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from common import no_velocity, recall
from common.training import AgentJob

TASKS = (*no_velocity.TASKS, *recall.TASKS)
LENGTHS = {"CartPole": None, "Pendulum": 32, "MountainCar": 64}
"""Steps of a sequence: at the zoo's settings those of a rollout fit CartPole alone."""

CHANCE = {
    "CartPole": 23,
    "Pendulum": -1250,
    "MountainCar": -33,
    recall.T_MAZE: 0.5,
    **dict.fromkeys(recall.POPGYM, -0.5),
    "CountRecall": -0.93,
    recall.MASKED: 0,
}
"""Returns of actions at random, of hundreds of episodes."""

SOLVED = {
    "CartPole": 475,
    "Pendulum": -250,
    "MountainCar": 90,
    **dict.fromkeys(recall.TASKS, 0.95),
}

LSTM = "RecurrentPPO LSTM"
OTHERS = {
    "RecurrentPPO liquid": "LiquidPolicy",
    LSTM: "LSTM",
    "PPO frames": "frames",
}
"""Rows of `no_velocity`, by their name here."""

SLOW = {"liquid, slow": (1, 100), "liquid, to 10 steps": (1, 10)}
MIXED = {"network": "cfc", "network_kwargs": {"mixed_memory": True}}
OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "liquid": ("LiquidPolicy", {}),
    "LSTM": ("LSTMPolicy", {}),
    "GRU": ("GRUPolicy", {}),
    "liquid, 64 neurons": ("LiquidPolicy", {"n_neurons": 64}),
    "CfC, 160 neurons": ("LiquidPolicy", {"n_neurons": 160, "network": "liquid"}),
    "CfC, mixed memory": ("LiquidPolicy", MIXED | {"n_neurons": 64}),
    "CfC, mixed memory, 32 neurons": ("LiquidPolicy", MIXED | {"n_neurons": 32}),
    **{
        row: ("LiquidPolicy", {"network_kwargs": {"time_constants": time_constants}})
        for row, time_constants in SLOW.items()
    },
}
"""Policy and its options of MemoryPPO, by the name of the row."""

ROWS = ("liquid", "LSTM", "GRU", LSTM, "PPO frames")
OPTIONAL_ROWS = (
    "liquid, 64 neurons",
    *SLOW,
    "CfC, 160 neurons",
    "CfC, mixed memory",
    "CfC, mixed memory, 32 neurons",
    "RecurrentPPO liquid",
)


def job(task: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row on a task, with the task's steps if no others."""
    if task in recall.TASKS:
        return _recall(task, row, seed, steps)
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


def _recall(task: str, row: str, seed: int, steps: int | None) -> AgentJob:
    """Returns the run of a row on a task that is nothing but memory."""
    made = partial(recall.job, {"task": task, "policy": row}, seed=seed, steps=steps)
    if row in OURS:
        policy, options = OURS[row]
        return made("MemoryPPO", policy, **options)
    if row == LSTM:
        return made("RecurrentPPO", "MlpLstmPolicy", lstm_hidden_size=64)
    if row == "PPO frames":
        return made("PPO", "MlpPolicy", frames=4)
    return made("RecurrentPPO", "LiquidPolicy")
