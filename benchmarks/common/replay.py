"""Agents that remember and replay, and those beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from common import no_velocity, recall
from common.training import AgentJob
from common.zoo import LAYERS, OF_DQN
from velora.sb3.memory.replay import SequenceReplayBuffer
from velora.sb3.memory.sequences import State


class FromZeros(SequenceReplayBuffer):
    """A control: it keeps zeros in the place of the states that were met."""

    def begin(self, starts: np.ndarray, state: State) -> None:
        """Notes what is before the step that is added next."""
        super().begin(starts, tuple(torch.zeros_like(part) for part in state))


@dataclass
class Replay:
    """What a task is learned with."""

    algorithm: str
    steps: int
    settings: dict[str, Any]  # the zoo's
    dense: dict[str, Any] = field(default_factory=dict)  # policy_kwargs of MlpPolicy
    sequences: dict[str, Any] = field(default_factory=dict)  # settings with memory
    is_normalized: bool = False


# Steps of a sequence are alike: more of them, and shorter steps of learning.
OF_SEQUENCES = {"learning_rate": 3e-4, "batch_size": 256}
REPLAYS = {
    "Pendulum": Replay("SAC", 30_000, {"learning_rate": 1e-3}),
    "CartPole": Replay("DQN", 50_000, OF_DQN, LAYERS, OF_SEQUENCES),
    recall.T_MAZE: Replay(
        "DQN",
        50_000,
        OF_DQN,
        LAYERS,
        OF_SEQUENCES | {"sequence_length": 16, "burn_in": 10},
        is_normalized=True,
    ),
}

SLOW = {"network_kwargs": {"time_constants": (1, 100)}}
ZEROS = "liquid, slow, from zeros"
REMEMBERING: dict[str, tuple[str, dict[str, Any]]] = {
    "liquid": ("LiquidPolicy", {}),
    "LSTM": ("LSTMPolicy", {}),
    "GRU": ("GRUPolicy", {}),
    "liquid, slow": ("LiquidPolicy", SLOW),
    ZEROS: ("LiquidPolicy", SLOW),
    "liquid, small head": ("LiquidPolicy", {"head": (64,)}),
    "liquid, no head": ("LiquidPolicy", {"head": ()}),
    "liquid, normalised": ("LiquidPolicy", {}),
}
ROWS = ("liquid", "LSTM", "GRU", "frames")
OPTIONAL_ROWS = (
    *(row for row in REMEMBERING if row not in ROWS),
    "frames, slowly",
    "frames, normalised",
    "window",
)


def job(task: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row on a task, with the task's steps if no others."""
    replay = REPLAYS[task]
    settings = replay.settings
    if row in REMEMBERING:
        algorithm, frames = f"Memory{replay.algorithm}", 1
        policy, options = REMEMBERING[row]
        settings = settings | replay.sequences
    else:
        algorithm, frames = replay.algorithm, 4
        policy, options = "MlpPolicy", replay.dense
        if row == "window":
            policy, options = "LiquidPolicy", {}
    if row == "frames, slowly":
        settings = settings | OF_SEQUENCES
    if row == ZEROS:
        settings = settings | {"replay_buffer_class": FromZeros}
    if task == recall.T_MAZE:
        make, made_with = recall.make, {"name": task, "frames": frames}
    else:
        hidden = no_velocity.TASKS[task]
        make = no_velocity.without_velocity
        made_with = {"name": hidden.env, "hidden": hidden.hidden, "frames": frames}
    return AgentJob(
        {"task": task, "policy": row},
        algorithm,
        policy,
        make,
        seed,
        steps or replay.steps,
        settings=settings,
        policy_kwargs=options,
        env_kwargs=made_with,
        is_normalized=replay.is_normalized or row.endswith("normalised"),
    )
