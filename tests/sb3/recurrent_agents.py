"""Ragged environments and small agents of RecurrentPPO, for tests of several files."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from agents import ACTIONS, RandomEnv, sample_observations
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.env_util import make_vec_env
from torch import Tensor, nn

FLAT = spaces.Box(-1, 1, (3,), np.float32)
TIMED = spaces.Dict(obs=FLAT, dt=spaces.Box(0, 5, (1,), np.float32))
IMAGE = spaces.Box(0, 1, (1, 36, 36), np.float32)
SMALL_FEATURES = {"features_extractor_kwargs": {"features_dim": 16}}
CRITICS: dict[str, dict[str, Any]] = {
    "separate": {},
    "shared": {"shared_lstm": True, "enable_critic_lstm": False},
    "feed-forward": {"enable_critic_lstm": False},
}
each_critic = pytest.mark.parametrize("critic", CRITICS)
each_network = pytest.mark.parametrize(
    "network", ["gated-leaky", "liquid", "test-pair", "test-learned"]
)


class Ragged(RandomEnv):
    """Random observations and rewards, episodes of random lengths."""

    def __init__(self, space: spaces.Space[Any], actions: str) -> None:
        self.observation_space = copy.deepcopy(space)  # each with draws of its own
        self.action_space = ACTIONS[actions]

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        first = super().reset(**options)
        self.left = int(self.np_random.integers(2, 12))
        return first


def ragged(space: Any = FLAT, actions: str = "box", n_envs: int = 3) -> Any:
    """Makes environments whose episodes end by themselves or are cut after 6 steps."""
    return make_vec_env(lambda: TimeLimit(Ragged(space, actions), 6), n_envs, seed=3)


def make_model(env: Any = None, **kwargs: Any) -> Any:
    """Makes a small agent, in ragged environments unless told otherwise."""
    options = kwargs.pop("policy_kwargs", {})
    if options.get("network", "liquid") == "liquid":
        options = {"n_neurons": 12} | options
    settings: dict[str, Any] = {"n_steps": 16, "batch_size": 20, "n_epochs": 2}
    settings |= {"policy": "LiquidPolicy", "seed": 1, "device": "cpu"} | kwargs
    return RecurrentPPO(env=env or ragged(), policy_kwargs=options, **settings)


def learn(model: Any) -> Any:
    """Lets an agent learn from two rollouts."""
    return model.learn(2 * model.n_steps * model.n_envs)


def sequence(model: Any, steps: int = 4, n_envs: int = 3) -> list[Any]:
    """Draws observations of each step, the same ones each time."""
    drawn = sample_observations(model, steps * n_envs)
    cuts = [slice(i, i + n_envs) for i in range(0, steps * n_envs, n_envs)]
    if isinstance(drawn, dict):
        return [{key: part[cut] for key, part in drawn.items()} for cut in cuts]
    return [drawn[cut] for cut in cuts]


def follow(model: Any, observations: list[Any], starts: Any = None) -> tuple[Any, Any]:
    """Predicts step by step: (T, n_envs, ...) actions and the last state."""
    actions, state = [], None
    for step, obs in enumerate(observations):
        begins = None if starts is None else starts[step]
        action, state = model.predict(obs, state, begins, deterministic=True)
        actions.append(action)
    return np.stack(actions), state


def assert_same_behaviour(model: Any, other: Any) -> None:
    """Compares the actions of a sequence, and the states after it."""
    actions, state = follow(model, sequence(model))
    others, after = follow(other, sequence(model))
    for got, expected in zip((others, *after), (actions, *state), strict=True):
        np.testing.assert_array_equal(got, expected)


def assert_same_weights(policy: nn.Module, other: nn.Module) -> None:
    mine, others = policy.state_dict(), other.state_dict()
    assert mine.keys() == others.keys()
    assert all(torch.equal(others[key], mine[key]) for key in mine)


def evaluate(model: Any, data: Any, observations: Any = None) -> tuple[Tensor, Tensor]:
    """Returns log-probabilities and values of the steps of a minibatch."""
    actions, mask = data.actions, data.mask > 1e-8
    if isinstance(model.action_space, spaces.Discrete):
        actions = actions.long().flatten()
    observations = data.observations if observations is None else observations
    values, log_prob, _ = model.policy.evaluate_actions(
        observations, actions, data.lstm_states, data.episode_starts
    )
    return log_prob[mask], values.flatten()[mask]
