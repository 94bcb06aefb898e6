"""A corridor at whose end it counts what was shown at its start."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


class TMaze(gym.Env[np.ndarray, int]):
    """A T-maze that one walks through without a choice but for the last one.

    The first observation shows the side, -1 or 1, on which the reward is; the next ones
    show nothing, and the last one the junction. The action there is the side, 0 or 1,
    and gives 1 if it is the right one, else 0; all others do nothing.

    Source: Ni et al. 2023, "When do transformers shine in RL?", passive T-maze; Bakker
    2001, "Reinforcement learning with long short-term memory".

    Args:
        length: Steps from the start to the junction.
    """

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int = 50) -> None:
        self.length = length

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Shows the side."""
        super().reset(seed=seed)
        self.side, self.place = int(self.np_random.integers(2)), 0
        return np.array([2 * self.side - 1, 0], np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Goes on; at the junction the episode ends."""
        at_junction = self.place == self.length
        self.place += 1
        seen = np.array([0, self.place == self.length], np.float32)
        return seen, float(at_junction and action == self.side), at_junction, False, {}
