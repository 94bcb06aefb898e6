"""Classic tasks without velocities, with rl-baselines3-zoo's settings, and who learns.

The agents ("rows") are described in `novel.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import FrameStackObservation, TransformObservation
from torch import nn

from common.matched import MATCHED, matched
from common.training import AgentJob, Falling

ROWS = ("LiquidPolicy", "CfC", "LSTM", "frames", "window")
NAMED = ("ltc", "cfc-layers", "ncps-cfc", "ncps-ltc")  # networks by their names
OPTIONAL_ROWS = (
    "CfC, 96 neurons",
    "CfC, window",
    "frames, tanh",
    *(f"LSTM, {what}" for what in MATCHED),
    "CfC, mixed memory",
    "CfC, mixed memory, 32 neurons",
    *NAMED,
)


@dataclass
class Task:
    """An environment, what it hides, and the zoo's settings for it."""

    env: str
    hidden: list[int]  # the indices of velocities
    steps: int
    n_envs: int
    settings: dict[str, Any]
    hidden_size: int
    policy_kwargs: dict[str, Any]


RELU = {"ortho_init": False, "activation_fn": nn.ReLU}
TASKS = {
    "CartPole": Task(
        "CartPole-v1",
        [1, 3],
        100_000,
        8,
        {
            "n_steps": 32,
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "learning_rate": Falling(1e-3),
            "clip_range": Falling(0.2),
        },
        64,
        RELU,
    ),
    "Pendulum": Task(
        "Pendulum-v1",
        [2],
        100_000,
        4,
        {
            "n_steps": 1024,
            "batch_size": 128,
            "gamma": 0.9,
            "learning_rate": 1e-3,
            "use_sde": True,
            "sde_sample_freq": 4,
        },
        64,
        RELU,
    ),
    "MountainCar": Task(
        "MountainCarContinuous-v0",
        [1],
        300_000,
        8,
        {
            "n_steps": 1024,
            "batch_size": 256,
            "gamma": 0.9999,
            "learning_rate": 7.77e-5,
            "ent_coef": 0.00429,
            "clip_range": 0.1,
            "gae_lambda": 0.9,
            "max_grad_norm": 5,
            "vf_coef": 0.19,
            "use_sde": True,
            "sde_sample_freq": 8,
        },
        32,
        {"ortho_init": False},
    ),
}


def without_velocity(
    name: str, hidden: Sequence[int], frames: int
) -> gym.Env[Any, Any]:
    """Makes an environment with zeros for velocities, and a window of frames."""
    env = gym.make(name)
    space = env.observation_space
    shown = np.ones(space.shape, dtype=np.float32)
    shown[list(hidden)] = 0
    env = TransformObservation(env, lambda seen: seen * shown, space)
    return FrameStackObservation(env, frames) if frames > 1 else env


def job(name: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row on a task, with the zoo's steps if no others."""
    task = TASKS[name]
    ours = {"ortho_init": False}
    # Two fifths of the decision neurons are command neurons.
    sized = ours | {"n_neurons": task.hidden_size * 5 // 2}
    mixed = ours | {
        "n_neurons": task.hidden_size,
        "network": "cfc",
        "network_kwargs": {"mixed_memory": True},
    }
    lstm = {"lstm_hidden_size": task.hidden_size, "net_arch": [64]}
    dense = ours | {"net_arch": [64, 64]}
    lstm_row = ("RecurrentPPO", "MlpLstmPolicy", task.policy_kwargs | lstm)
    algorithm, policy, options = {
        "LiquidPolicy": ("RecurrentPPO", "LiquidPolicy", ours),
        "CfC": ("RecurrentPPO", "LiquidPolicy", sized | {"network": "liquid"}),
        "CfC, 96 neurons": (
            "RecurrentPPO",
            "LiquidPolicy",
            ours | {"network": "liquid", "n_neurons": 96},
        ),
        "LSTM": lstm_row,
        "LSTM, our synapses": lstm_row,
        "LSTM, our parameters": lstm_row,
        "frames": ("PPO", "MlpPolicy", task.policy_kwargs | dense),
        "frames, tanh": ("PPO", "MlpPolicy", dense),
        "window": ("PPO", "LiquidPolicy", ours),
        "CfC, window": ("PPO", "LiquidPolicy", sized | {"network": "liquid"}),
        "CfC, mixed memory": ("RecurrentPPO", "LiquidPolicy", mixed),
        "CfC, mixed memory, 32 neurons": (
            "RecurrentPPO",
            "LiquidPolicy",
            mixed | {"n_neurons": 32},
        ),
        **{
            name: ("RecurrentPPO", "LiquidPolicy", sized | {"network": name})
            for name in NAMED
        },
    }[row]
    frames = 4 if algorithm == "PPO" else 1
    made = AgentJob(
        {"task": name, "policy": row},
        algorithm,
        policy,
        without_velocity,
        seed,
        steps or task.steps,
        settings=task.settings,
        policy_kwargs=options,
        env_kwargs={"name": task.env, "hidden": task.hidden, "frames": frames},
        n_envs=task.n_envs,
        is_normalized=True,
    )
    _, _, what = row.partition(", ")
    if what not in MATCHED:
        return made

    def of_width(width: int) -> AgentJob:
        sized = made.policy_kwargs | {"lstm_hidden_size": width}
        return replace(made, policy_kwargs=sized)

    return matched(job(name, "LiquidPolicy", seed, steps), of_width, what)
