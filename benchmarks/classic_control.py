"""Sparse, liquid and dense policies learn the same tasks, side by side.

    python benchmarks/classic_control.py [--task SAC ...] [--seeds 3] [--json FILE]

With --json, what is in that file already is not trained again, so a comparison may be
stopped and go on.

Every policy of a task has the same settings: those of rl-baselines3-zoo where it has
some, whose layers MlpPolicy gets as well. A seed's score is the mean return of 40
episodes of the deterministic policy after the last step; no checkpoint is chosen by it.
Where the zoo has none, NCPPolicy chose: those of PPO by its scores on seeds 0 to 4,
those of MaskablePPO and ARS by seed 0. Take other seeds there for a fair look:
`--first-seed 10`. Our policies have 64 neurons, more where NCPPolicy failed with 64 on
seeds 0 to 2: 128 with TD3 and DDPG, 256 with QR-DQN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import FrameStackObservation, TransformObservation
from stable_baselines3.common.noise import NormalActionNoise

from common.comparison import command
from common.training import AgentJob, Falling

POLICIES = ("NCPPolicy", "LiquidPolicy", "MlpPolicy")


@dataclass
class Task:
    """An algorithm, the environment that it learns, and its settings."""

    env: str | Callable[[], gym.Env[Any, Any]]
    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    mlp: dict[str, Any] = field(default_factory=dict)  # what sizes MlpPolicy
    ours: dict[str, Any] = field(default_factory=dict)  # what sizes the other two
    n_envs: int = 1
    algorithm: str = ""  # where the task is not called by it
    shared: dict[str, Any] = field(default_factory=dict)  # policy_kwargs of all


def pendulum_without_velocity() -> gym.Env[Any, Any]:
    """Pendulum-v1 that shows its last four positions, (4, 2), and no velocity."""
    env = gym.make("Pendulum-v1")
    positions = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    env = TransformObservation(env, lambda observation: observation[:2], positions)
    return FrameStackObservation(env, 4)


def invalid_actions() -> gym.Env[Any, Any]:
    """sb3-contrib's InvalidActionEnvDiscrete: ten of 20 actions are invalid."""
    from sb3_contrib.common.envs import InvalidActionEnvDiscrete

    return InvalidActionEnvDiscrete(dim=20, n_invalid_actions=10)


OF_TD3 = {
    "gamma": 0.98,
    "buffer_size": 200_000,
    "learning_starts": 10_000,
    "gradient_steps": 1,
    "train_freq": 1,
    "learning_rate": 1e-3,
    "action_noise": NormalActionNoise(np.zeros(1), np.full(1, 0.1)),
}
OF_DQN = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}
OF_PPO = {
    "n_steps": 128,
    "batch_size": 256,
    "learning_rate": Falling(3e-3),
    "clip_range": Falling(0.2),
}
WIDE, OF_TD3_LAYERS = {"net_arch": [256, 256]}, {"net_arch": [400, 300]}
LARGER = {"n_neurons": 128}  # where 64, the size of the others, failed on a seed
TASKS = {
    "PPO": Task("CartPole-v1", 100_000, OF_PPO, n_envs=8),
    "SAC": Task("Pendulum-v1", 20_000, {"learning_rate": 1e-3}),
    "TD3": Task("Pendulum-v1", 20_000, OF_TD3, mlp=OF_TD3_LAYERS, ours=LARGER),
    "DDPG": Task("Pendulum-v1", 20_000, OF_TD3, mlp=OF_TD3_LAYERS, ours=LARGER),
    "TQC": Task("Pendulum-v1", 20_000, {"learning_rate": 1e-3}),
    "CrossQ": Task("Pendulum-v1", 20_000, {"policy_delay": 2}, mlp=WIDE),
    "DQN": Task("CartPole-v1", 50_000, OF_DQN, mlp=WIDE),
    "QRDQN": Task(
        "CartPole-v1",
        50_000,
        OF_DQN,
        mlp=WIDE,
        ours={"n_neurons": 256},
        shared={"n_quantiles": 10},
    ),
    "TRPO": Task(
        "CartPole-v1",
        100_000,
        {
            "n_steps": 512,
            "batch_size": 512,
            "cg_damping": 1e-3,
            "gae_lambda": 0.98,
            "learning_rate": 1e-3,
            "n_critic_updates": 20,
        },
        n_envs=2,
    ),
    "MaskablePPO": Task(
        invalid_actions, 16_384, {"learning_rate": 3e-3, "n_steps": 512}
    ),
    "ARS": Task(
        "CartPole-v1",
        50_000,
        {"n_delta": 2, "learning_rate": 0.05, "zero_policy": False},
    ),
    "SAC, no velocity": Task(
        pendulum_without_velocity,
        20_000,
        {"learning_rate": 1e-3},
        algorithm="SAC",
    ),
}


def job(name: str, policy: str, seed: int, steps: int | None) -> AgentJob:
    """Returns the run of a policy on a task, with its steps if no others."""
    task = TASKS[name]
    sizes = task.mlp if policy == "MlpPolicy" else {"n_neurons": 64} | task.ours
    return AgentJob(
        {"task": name, "policy": policy},
        task.algorithm or name,
        policy,
        task.env,
        seed,
        steps or task.steps,
        settings=task.settings,
        policy_kwargs=sizes | task.shared,
        n_envs=task.n_envs,
    )


if __name__ == "__main__":
    command(job, list(TASKS), POLICIES, 3)()
