"""Trains the two agents of the page beside, some minutes, and writes their ONNX files.

    python train.py

policy.onnx sees all and remembers nothing; memory.onnx sees no velocities, and
remembers. `pip install 'velora-onnx[export]'` brings all that this needs.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.wrappers import TransformObservation
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

from velora.onnx import export
from velora.sb3 import MemoryPPO

SETTINGS: dict[str, Any] = dict(  # rl-baselines3-zoo's
    n_steps=32,
    batch_size=256,
    n_epochs=20,
    gamma=0.98,
    gae_lambda=0.8,
    learning_rate=lambda left: 1e-3 * left,
    clip_range=lambda left: 0.2 * left,
    device="cpu",
)


def without_velocities(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    return TransformObservation(env, lambda seen: seen[[0, 2]], space)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100_000, help="of each agent")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # networks this small are fastest with one

    env: Any = make_vec_env("CartPole-v1", 8, options.seed)
    policy = PPO("NCPPolicy", env, seed=options.seed, **SETTINGS)
    export(policy.learn(options.steps), "policy.onnx")

    env = make_vec_env("CartPole-v1", 8, options.seed, wrapper_class=without_velocities)
    env = VecNormalize(env)  # its statistics go into the file, too
    memory = MemoryPPO("LiquidPolicy", env, seed=options.seed, **SETTINGS)
    export(memory.learn(options.steps), "memory.onnx")
    print("wrote policy.onnx and memory.onnx")


if __name__ == "__main__":
    main()
