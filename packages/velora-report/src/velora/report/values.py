"""What a model says that a step is worth, where it says anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import BaseModel
from torch import Tensor

from velora.report.episodes import Step
from velora.sb3.memory.dqn_policy import MemoryDQNNetworks
from velora.sb3.memory.policies import MemoryNetworks
from velora.sb3.memory.sac_policy import MemorySACNetworks
from velora.sb3.memory.sequences import each

Values = Callable[[Step, np.ndarray], np.ndarray]
"""Takes a step and its (n, O) motor neurons, and returns (n,) values."""


def values_of(policy: Any) -> Values | None:
    """Returns how a policy's steps are valued, from the first one on.

    The value network says what a state is worth, Q-critics what the action is, the
    least of them and the mean of all quantiles, and a Q-network its motor neurons of
    the action, or what its head makes of them. None where there is nothing of the kind,
    as with ARS.
    """
    if hasattr(policy, "lstm_actor") or isinstance(policy, MemoryNetworks):
        return _Remembering(policy)
    if isinstance(policy, MemorySACNetworks):
        return _Replaying(policy)
    if isinstance(policy, MemoryDQNNetworks):
        return lambda step, motor: _of_head(policy, step, motor)
    networks = policy.networks
    if "vf" in networks:
        return lambda step, _: _of_states(policy, step)
    if "qf0" in networks:
        return lambda step, _: _of_actions(policy, step)
    if "qf" in networks:
        return lambda step, motor: _of_choices(policy, step, motor)
    return None


class _Remembering:
    """The values of RecurrentPPO and MemoryPPO: a critic may carry its own state."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy
        self._states: Any = None

    @torch.no_grad()
    def __call__(self, step: Step, _: np.ndarray) -> np.ndarray:
        policy = self._policy
        observations, _ = policy.obs_to_tensor(step.observations)
        starts = torch.as_tensor(step.starts, dtype=torch.float32, device=policy.device)
        if self._states is None:
            self._states = _first_states(policy, len(starts))
        # Deterministic, so that nothing is drawn: the action is not of interest.
        _, values, _, self._states = policy(observations, self._states, starts, True)
        return _numbers(values)


class _Replaying:
    """The values of MemorySAC: each critic carries its own state."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy
        self._states: Any = None
        self._previous: Any = None  # actions

    @torch.no_grad()
    def __call__(self, step: Step, _: np.ndarray) -> np.ndarray:
        policy, critic = self._policy, self._policy.critic
        observations, _ = policy.obs_to_tensor(step.observations)
        starts = torch.as_tensor(step.starts, dtype=torch.bool, device=policy.device)
        scaled = policy.scale_action(step.actions).reshape(len(starts), -1)
        actions = torch.as_tensor(scaled, dtype=torch.float32, device=policy.device)
        if self._states is None:
            self._states = policy.initial_states(len(starts))[1:]
            self._previous = torch.zeros_like(actions)
        known, self._states = critic.remember(
            each(lambda part: part[None], observations),  # one step of time
            starts[None],
            self._previous.masked_fill(starts[:, None], 0)[None],
            self._states,
        )
        self._previous = actions
        return _numbers(critic.values(known, actions[None]).amin(dim=0))


def _first_states(policy: Any, n_envs: int) -> Any:
    """Returns states that the starts of episodes reset."""
    if isinstance(policy, MemoryNetworks):
        return policy.initial_states(n_envs)
    from sb3_contrib.common.recurrent.type_aliases import RNNStates  # an extra's

    body = policy.lstm_actor
    zeros = torch.zeros(1, n_envs, body.hidden_size, device=policy.device)
    return RNNStates((zeros, zeros), (zeros, zeros))


@torch.no_grad()
def _of_states(policy: Any, step: Step) -> np.ndarray:
    observations, _ = policy.obs_to_tensor(step.observations)
    # As `predict_values` does, but for what TRPO's does to masked weights.
    extractor = policy.vf_features_extractor
    features = BaseModel.extract_features(policy, observations, extractor)
    return _numbers(policy.value_net(features))


@torch.no_grad()
def _of_actions(policy: Any, step: Step) -> np.ndarray:
    observations, _ = policy.obs_to_tensor(step.observations)
    scaled = policy.scale_action(step.actions).reshape(len(step.actions), -1)
    actions = torch.as_tensor(scaled, dtype=torch.float32, device=policy.device)
    said = policy.critic(observations, actions)
    if isinstance(said, tuple):
        return _numbers(torch.cat(said, dim=1).amin(dim=1))
    return _numbers(said.mean(dim=(1, 2)))  # (n, critics, quantiles)


@torch.no_grad()
def _of_head(policy: Any, step: Step, motor: np.ndarray) -> np.ndarray:
    observations, _ = policy.obs_to_tensor(step.observations)
    features = policy.q_net.extract_features(
        observations, policy.q_net.features_extractor
    )
    remembered = torch.as_tensor(motor, device=policy.device)
    values = policy.q_net.q_net.values(remembered, features).cpu().numpy()
    return _of_choices(policy, step, values)


def _of_choices(policy: Any, step: Step, motor: np.ndarray) -> np.ndarray:
    rows = np.arange(len(motor))
    quantiles = motor.reshape(len(motor), -1, policy.action_space.n)
    chosen: np.ndarray = quantiles.mean(axis=1)[rows, step.actions]
    return chosen


def _numbers(values: Tensor) -> np.ndarray:
    numbers: np.ndarray = values.flatten().float().cpu().numpy()
    return numbers
