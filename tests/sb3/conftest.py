"""Shared environments and a quick way to make a small agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.base_class import BaseAlgorithm

import velora.sb3  # noqa: F401  # makes the policies known by name

ALGORITHMS = {"ppo": PPO, "a2c": A2C}
ACTION_SPACES = {
    "box": spaces.Box(-1, 1, (3,), np.float32),
    "discrete": spaces.Discrete(4),
    "multi_discrete": spaces.MultiDiscrete([2, 3]),
    "multi_binary": spaces.MultiBinary(5),
}


class RandomEnv(gym.Env[np.ndarray, Any]):
    """Random flat observations, random rewards, episodes of ten steps."""

    def __init__(self, action_space: spaces.Space[Any], size: int = 6) -> None:
        self.observation_space = spaces.Box(-1, 1, (size,), np.float32)
        self.action_space = action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = 10
        return self._observation(), {}

    def step(
        self, action: object
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        reward = float(self.np_random.normal())
        return self._observation(), reward, self.left == 0, False, {}

    def _observation(self) -> np.ndarray:
        shape = self.observation_space.shape
        return self.np_random.uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture
def make_env() -> Callable[..., gym.Env[Any, Any]]:
    """Makes a random environment by the name of its actions, with windows or not."""

    def make(actions: str = "discrete", window: int = 0) -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = RandomEnv(ACTION_SPACES[actions])
        return FrameStackObservation(env, window) if window else env

    return make


@pytest.fixture
def make_agent(make_env: Callable[..., gym.Env[Any, Any]]) -> Callable[..., Any]:
    """Makes a small agent; liquid ones get windows, so that none warns."""

    def make(
        algorithm: str = "ppo",
        policy: str = "NCPPolicy",
        actions: str = "discrete",
        **kwargs: Any,
    ) -> BaseAlgorithm:
        env = make_env(actions, window=5 if policy == "LiquidPolicy" else 0)
        options: dict[str, Any] = {"n_steps": 20, "seed": 1, "device": "cpu"}
        if algorithm == "ppo":
            options |= {"batch_size": 10, "n_epochs": 2}
        options["policy_kwargs"] = {"n_neurons": 12} | kwargs.pop("policy_kwargs", {})
        return ALGORITHMS[algorithm](policy, env, **(options | kwargs))

    return make
