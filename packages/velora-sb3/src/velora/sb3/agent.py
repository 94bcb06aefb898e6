"""An agent that remembers by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from velora.models.protocol import takes


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

    Raises:
        TypeError: the model is none, such as a network alone.

    Attributes:
        state: after the last action, as the model's `predict` returns it; None before.
    """

    def __init__(
        self, model: BaseAlgorithm | BasePolicy, *, deterministic: bool = True
    ) -> None:
        _check_model(model)
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
        elif np.ndim(done) > 0 and self._starts is not None and self.state is not None:
            flags = np.asarray(done, dtype=bool)
            if flags.shape != self._starts.shape:
                raise ValueError(
                    f"`done` must have shape (n_envs,) = {self._starts.shape}; got "
                    f"{flags.shape}."
                )
            self._starts = self._starts | flags

    def act(
        self, observation: Any, action_masks: np.ndarray | None = None
    ) -> np.ndarray:
        """Chooses the next action.

        Args:
            observation: of one environment, or of as many as at the last action; with
                VecNormalize what it gives, as for `predict`.
            action_masks: (n_envs, choices) false where a choice is invalid, for a model
                that was trained with masks: MemoryPPO, sb3-contrib's MaskablePPO.

        Returns:
            The action, or one for each environment.

        Raises:
            TypeError: there are masks, and the model takes none; or the observation is
                what `reset` of gymnasium returns.
            ValueError: the model remembers, and another number of environments; or it
                was trained with masks, and there are none; or a number is NaN, or
                would be in what it remembers.
        """
        if isinstance(observation, tuple) and any(
            isinstance(part, dict) for part in observation[1:]
        ):
            raise TypeError(
                "`observation` must be one, without more; got the tuple (observation, "
                "info), as gymnasium's `reset` returns it. Pass its first part."
            )
        parts = observation.values() if isinstance(observation, dict) else [observation]
        if any(_has_nan(part) for part in parts):  # what remembers would keep it
            raise ValueError(
                "`observation` must be numbers; got NaN. `VecCheckNan` of "
                "Stable-Baselines3 around the environment finds where it comes from."
            )
        if self._starts is None:
            n_envs = self._count(observation)
            self.state, self._starts = None, np.ones(n_envs, dtype=bool)
        predict: Any = self.model.predict
        masks = {} if action_masks is None else {"action_masks": action_masks}
        actions: np.ndarray
        if masks and not takes(predict, "action_masks"):
            raise TypeError(
                "`action_masks` must be left out with a model that takes none; got "
                f"some with {type(self.model).__name__}."
            )
        try:
            actions, state = predict(
                observation, self.state, self._starts, self.deterministic, **masks
            )
        except (RuntimeError, ValueError) as error:
            known, n_envs = len(self._starts), self._count(observation)
            if n_envs == known:
                raise
            raise ValueError(
                f"The agent remembers {known} environments, and `observation` must be "
                f"of as many; got {n_envs}. Call `reset()` first, which forgets all."
            ) from error
        if state is not None and any(_has_nan(part) for part in state):
            raise ValueError(
                "What the agent remembers must be numbers; it would be NaN with this "
                "`observation`, as of one that is infinite. Act with another one: it "
                "remembers what it did before."
            )
        self.state, self._starts = state, np.zeros_like(self._starts)
        return actions

    def _count(self, observation: Any) -> int:
        """Returns of how many environments an observation is."""
        policy: Any = getattr(self.model, "policy", self.model)
        obs, _ = policy.obs_to_tensor(observation)
        return len(next(iter(obs.values())) if isinstance(obs, dict) else obs)


def _has_nan(observation: Any) -> bool:
    numbers = np.asarray(observation)
    return numbers.dtype.kind == "f" and bool(np.isnan(numbers).any())


def _check_model(model: Any) -> None:
    policy = getattr(model, "policy", model)
    if isinstance(model, type) or not hasattr(policy, "obs_to_tensor"):
        got, fix = f"{model!r:.80}", "Load one first, as by PPO.load(path)."
        if isinstance(model, nn.Module):
            got = type(model).__name__
            fix = (
                "A network alone knows no observations and actions: call it, or what "
                "its `frozen_step()` returns, step by step."
            )
        raise TypeError(
            "`model` must be an algorithm of Stable-Baselines3, or its policy; got "
            f"{got}. {fix}"
        )
