"""Environments of any observation space, and agents for a space alone."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from agents import ALGORITHMS, algorithm_class
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

F = np.float32
FLAT = spaces.Box(-1, 1, (2,), F)
WINDOW = spaces.Box(-1, 1, (4, 3), F)
SMALL = spaces.Box(0, 255, (8, 9, 3), np.uint8)
IMAGE = spaces.Box(0, 255, (36, 40, 3), np.uint8)
STACK = spaces.Box(0, 255, (4, 36, 40, 3), np.uint8)
SMALL_STACK = spaces.Box(0, 255, (4, 8, 9, 3), np.uint8)
FIRST_STACK = spaces.Box(0, 255, (4, 3, 36, 40), np.uint8)
ACTIONS = {"box": spaces.Box(-1, 1, (2,), F), "discrete": spaces.Discrete(3)}


class Sampled(gym.Env[Any, Any]):
    """Samples its observations, for episodes of five steps."""

    def __init__(self, space: spaces.Space[Any], actions: str = "box") -> None:
        self.observation_space, self.action_space = space, ACTIONS[actions]

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**options)
        self.left = 5
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return self.observation_space.sample(), 0.0, self.left == 0, False, {}

    def action_masks(self) -> np.ndarray:
        """Forbids nothing, for MaskablePPO."""
        return np.ones(3, dtype=bool)


def make(
    space: spaces.Space[Any],
    algorithm: str = "PPO",
    policy: str = "LiquidPolicy",
    **options: Any,
) -> Any:
    """Makes a small agent for a space."""
    spec = ALGORITHMS[algorithm]
    small = {"n_neurons": 8} if policy in ("NCPPolicy", "LiquidPolicy") else {}
    return algorithm_class(algorithm)(
        policy,
        Sampled(space, spec.actions[0]),
        policy_kwargs=small | spec.policy_kwargs | options,
        seed=1,
        device="cpu",
        **spec.settings,
    )


def batch(space: spaces.Space[Any], n: int = 3) -> Any:
    """Samples a batch of observations as tensors, as a features extractor gets them."""
    if isinstance(space, spaces.Dict):
        return {key: batch(part, n) for key, part in space.items()}
    space.seed(2)
    rows = np.stack([space.sample() for _ in range(n)])
    if isinstance(space, spaces.Discrete):
        one_hot = torch.nn.functional.one_hot(torch.as_tensor(rows), int(space.n))
        return one_hot.float()
    return torch.as_tensor(rows).float()


def extractors(model: Any) -> list[Any]:
    """Returns every features extractor of an agent's policy."""
    modules = model.policy.modules()
    return [m for m in modules if isinstance(m, BaseFeaturesExtractor)]
