"""Tasks with the settings that MlpPolicy learns them with: nearly all the zoo's.

Those are rl-baselines3-zoo 2.9.2's: in `hyperparams/`, a file for each algorithm, the
entry of the environment. Where a task differs from it, or has none, a comment says so.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import FrameStackObservation, TransformObservation
from stable_baselines3.common.noise import NormalActionNoise
from torch import nn

from common.task import Task
from common.training import Falling


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


CARTPOLE, PENDULUM = ("CartPole-v1", 23, 475), ("Pendulum-v1", -1240, -200)


def cartpole(algorithm: str, steps: int, *options: Any, **more: Any) -> Task:
    """Returns a task on CartPole-v1."""
    env, chance, solved = CARTPOLE
    return Task(algorithm, env, steps, chance, solved, *options, **more)


def pendulum(algorithm: str, steps: int, *options: Any, **more: Any) -> Task:
    """Returns a task on Pendulum-v1."""
    env, chance, solved = PENDULUM
    return Task(algorithm, env, steps, chance, solved, *options, **more)


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
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}
LAYERS, LAYERS_OF_TD3 = {"net_arch": [256, 256]}, {"net_arch": [400, 300]}
OF_MUJOCO = {
    "log_std_init": -2,
    "ortho_init": False,
    "activation_fn": nn.ReLU,
    "net_arch": {"pi": [256, 256], "vf": [256, 256]},
}
TASKS = {
    "PPO CartPole": cartpole(
        "PPO",
        100_000,
        {
            "n_steps": 32,
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "ent_coef": 0.0,
            "learning_rate": Falling(1e-3),
            "clip_range": Falling(0.2),
        },
        n_envs=8,
    ),
    # No entry: the defaults of Stable-Baselines3.
    "PPO CartPole, defaults": cartpole("PPO", 100_000),
    "A2C CartPole": cartpole("A2C", 500_000, {"ent_coef": 0.0}, n_envs=8),
    # The entry has 1,000,000 steps.
    "PPO Acrobot": Task(
        "PPO",
        "Acrobot-v1",
        200_000,
        -500,
        -100,
        {
            "n_steps": 256,
            "gae_lambda": 0.94,
            "gamma": 0.99,
            "n_epochs": 4,
            "ent_coef": 0.0,
        },
        n_envs=16,
        is_normalized=True,
    ),
    "PPO LunarLander": Task(
        "PPO",
        "LunarLander-v3",
        1_000_000,
        -172,
        200,
        {
            "n_steps": 1024,
            "batch_size": 64,
            "gae_lambda": 0.98,
            "gamma": 0.999,
            "n_epochs": 4,
            "ent_coef": 0.01,
        },
        n_envs=16,
        extra="box2d",
    ),
    "PPO Pendulum, gSDE": pendulum(
        "PPO",
        100_000,
        {
            "n_steps": 1024,
            "gae_lambda": 0.95,
            "gamma": 0.9,
            "n_epochs": 10,
            "ent_coef": 0.0,
            "learning_rate": 1e-3,
            "clip_range": 0.2,
            "use_sde": True,
            "sde_sample_freq": 4,
        },
        n_envs=4,
    ),
    "SAC Pendulum": pendulum("SAC", 20_000, {"learning_rate": 1e-3}),
    "TD3 Pendulum": pendulum("TD3", 20_000, OF_TD3, LAYERS_OF_TD3),
    "DDPG Pendulum": pendulum("DDPG", 20_000, OF_TD3, LAYERS_OF_TD3),
    "TQC Pendulum": pendulum("TQC", 20_000, {"learning_rate": 1e-3}),
    "CrossQ Pendulum": pendulum("CrossQ", 20_000, {"policy_delay": 2}, LAYERS),
    "DQN CartPole": cartpole("DQN", 50_000, OF_DQN, LAYERS),
    "QRDQN CartPole": cartpole("QRDQN", 50_000, OF_DQN, LAYERS | {"n_quantiles": 10}),
    # The entries of the next two are for v4, and have 1,000,000 steps.
    "PPO HalfCheetah": Task(
        "PPO",
        "HalfCheetah-v5",
        200_000,
        -282,
        None,
        {
            "batch_size": 64,
            "n_steps": 512,
            "gamma": 0.98,
            "learning_rate": 2.0633e-05,
            "ent_coef": 0.000401762,
            "clip_range": 0.1,
            "n_epochs": 20,
            "gae_lambda": 0.92,
            "max_grad_norm": 0.8,
            "vf_coef": 0.58096,
        },
        OF_MUJOCO,
        is_normalized=True,
        extra="mujoco",
    ),
    "PPO Hopper": Task(
        "PPO",
        "Hopper-v5",
        200_000,
        18,
        None,
        {
            "batch_size": 32,
            "n_steps": 512,
            "gamma": 0.999,
            "learning_rate": 9.80828e-05,
            "ent_coef": 0.00229519,
            "clip_range": 0.2,
            "n_epochs": 5,
            "gae_lambda": 0.99,
            "max_grad_norm": 0.7,
            "vf_coef": 0.835671,
        },
        OF_MUJOCO,
        is_normalized=True,
        extra="mujoco",
    ),
    "TRPO CartPole": cartpole(
        "TRPO",
        100_000,
        {
            "n_steps": 512,
            "batch_size": 512,
            "cg_damping": 1e-3,
            "gae_lambda": 0.98,
            "gamma": 0.99,
            "learning_rate": 1e-3,
            "n_critic_updates": 20,
        },
        n_envs=2,
    ),
    # No entry for the next three; ARS has one for LinearPolicy.
    "MaskablePPO": Task(
        "MaskablePPO",
        invalid_actions,
        16_384,
        10,
        90,
        {"learning_rate": 3e-3, "n_steps": 512},
    ),
    "ARS CartPole": cartpole(
        "ARS", 50_000, {"n_delta": 2, "learning_rate": 0.05, "zero_policy": False}
    ),
    "SAC Pendulum, no velocity": Task(
        "SAC",
        pendulum_without_velocity,
        20_000,
        -1240,
        -200,
        {"learning_rate": 1e-3},
    ),
}
