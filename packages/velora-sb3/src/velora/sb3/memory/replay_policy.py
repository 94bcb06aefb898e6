"""Policies with memory that learn from replayed sequences."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from velora.sb3.common.algorithm import check_algorithm
from velora.sb3.memory.acting import ActingPolicy
from velora.sb3.memory.actor_step import ActorStep, live_step, step_of_now
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.state_policy import (
    check_lstm_arguments,
    check_state,
)
from velora.sb3.recurrent.timespans import check_timespan_key


class ReplayPolicy(ActingPolicy):
    """Thinks over sequences, and goes step by step while it collects them.

    `predict` takes and returns the state of the network that acts, a tuple of arrays
    with the environments first.

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        lr_schedule: the learning-rate schedule, by the progress remaining.
        timespan_key: name of an entry of a dict observation with the time since the
            last step, one number. It is no feature; the network's cell gets it.
        **kwargs: as in `NetworkPolicy`.

    Raises:
        TypeError: the network cannot run over sequences with resets (and timespans).
        ValueError: the network carries no state, or the observations have no such
            `timespan_key`.
    """

    algorithm: str  # whose policies these are

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        timespan_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_algorithm(type(self), ReplayPolicy)
        check_lstm_arguments(kwargs)
        check_timespan_key(observation_space, timespan_key)
        self.timespan_key = timespan_key
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    @property
    @abstractmethod
    def bodies(self) -> list[RecurrentBody]:
        """The networks whose states are carried while collecting; the first acts."""

    @abstractmethod
    def advance(
        self,
        steps: list[ActorStep],
        obs: PyTorchObs,
        states: list[State],
        starts: Tensor,
        previous: Tensor,
        deterministic: bool = False,
    ) -> tuple[Tensor, list[State]]:
        """Goes one step with some of the `bodies`, the first ones.

        Args:
            steps: of each; see `velora.sb3.memory.actor_step`.
            obs: (n_envs, ...) observations.
            states: before, of each.
            starts: (n_envs,) true where an episode starts.
            previous: (n_envs, A) the actions before, as a replay buffer has them.
            deterministic: whether the best action is taken.

        Returns:
            (n_envs, ...) actions as the network gives them, and the states after.
        """

    def steps_of_now(self) -> list[ActorStep]:
        """Returns the steps of the `bodies` with the weights of now."""
        return [step_of_now(body) for body in self.bodies]

    def initial_states(self, n_envs: int) -> list[State]:
        """Returns the states of the `bodies` before a first step."""
        return [body.initial_state(n_envs) for body in self.bodies]

    def split(self, parts: State) -> list[State]:
        """Returns the states of the `bodies`, whose parts a replay buffer keeps."""
        states, left = [], list(parts)
        for body in self.bodies:
            n_parts = len(body.shapes)
            states.append(tuple(left[:n_parts]))
            del left[:n_parts]
        return states

    def act(
        self, obs: PyTorchObs, state: State, starts: Tensor, deterministic: bool = False
    ) -> tuple[Tensor, State]:
        """Goes one step with the network that acts alone; arguments as `advance`."""
        previous = starts.new_zeros(len(starts), 0)  # which only critics read
        step = live_step(self.bodies[0])
        actions, (after,) = self.advance(
            [step], obs, [state], starts, previous, deterministic
        )
        return actions, after

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Chooses actions for observations.

        Args:
            observation: of one environment, or of several.
            state: what the last call returned; None starts from the beginning.
            episode_start: (n_envs,), true where an episode starts now, so that the
                state is forgotten; None where none does.
            deterministic: whether the best action is taken.

        Returns:
            actions: of each environment.
            state: of the network that acts, a tuple of arrays with the environments
                first.

        Raises:
            ValueError: an argument has another shape.
        """
        step = partial(self.act, deterministic=deterministic)
        return self.act_from(self.bodies[0], step, observation, state, episode_start)

    def _build(self, lr_schedule: Schedule) -> None:
        check_state(self.choice.entry, self.algorithm)
        super()._build(lr_schedule)  # type: ignore[misc]  # of Stable-Baselines3's policy

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"timespan_key": self.timespan_key}
        return super()._get_constructor_parameters() | own
