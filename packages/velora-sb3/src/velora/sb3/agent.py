"""An agent that remembers by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy


class Agent:
    """Acts with a trained model and keeps its state from step to step.

        agent = Agent(model)
        observations = env.reset()
        while True:
            observations, rewards, dones, infos = env.step(agent.act(observations))
            agent.reset(dones)

    Args:
        model: an algorithm or policy of Stable-Baselines3, with memory or without.
        deterministic: whether the most likely action is taken.

    Attributes:
        state: after the last action, as the model's `predict` returns it; None before.
    """

    def __init__(
        self, model: BaseAlgorithm | BasePolicy, *, deterministic: bool = True
    ) -> None:
        self.model = model
        self.deterministic = deterministic
        self.state: tuple[np.ndarray, ...] | None = None
        self._starts: np.ndarray | None = None

    def reset(self, done: bool | np.ndarray | None = None) -> None:
        """Forgets what was, before the next action.

        Args:
            done: whether the episode has ended, or (n_envs,) such flags: only these
                environments are forgotten. None forgets all.

        Raises:
            ValueError: there are flags for another number of environments than were
                acted in.
        """
        if done is None or (np.ndim(done) == 0 and done):
            self.state = self._starts = None
        elif np.ndim(done) > 0 and self._starts is not None:
            flags = np.asarray(done, dtype=bool)
            if flags.shape != self._starts.shape:
                raise ValueError(
                    f"`done` must have shape (n_envs,) = {self._starts.shape}; got "
                    f"{flags.shape}."
                )
            self._starts = self._starts | flags

    def act(self, observation: Any) -> np.ndarray:
        """Chooses the next action.

        Args:
            observation: of one environment, or of as many as at the last action.

        Returns:
            The action, or one for each environment.
        """
        if self._starts is None:
            policy: Any = getattr(self.model, "policy", self.model)
            obs, _ = policy.obs_to_tensor(observation)
            n_envs = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
            self.state, self._starts = None, np.ones(n_envs, dtype=bool)
        actions, self.state = self.model.predict(
            observation, self.state, self._starts, self.deterministic
        )
        self._starts = np.zeros_like(self._starts)
        return actions
