"""Small agents of MemoryPPO in ragged environments, for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np
from agents import ACTIONS, N_MASKED
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from recurrent_agents import FLAT, Ragged
from stable_baselines3.common.env_util import make_vec_env

from velora.sb3.memory_ppo import MemoryPPO

CRITICS = ("separate", "shared", "feed-forward")


class Unmasked(Ragged):
    """Says nowhere which choices are valid."""

    action_masks: Any = property()  # there is none


class Masked(Ragged):
    """Allows each choice by chance, and at least one of each part; refuses others."""

    def __init__(self, actions: str, *, in_observation: bool = False) -> None:
        super().__init__(FLAT, actions)
        self.sizes = parts_of(ACTIONS[actions])
        self.key = "valid" if in_observation else None
        if in_observation:
            # The entry is not the last one, so that none is taken by its place.
            mask = spaces.MultiBinary(N_MASKED[actions])
            self.observation_space = spaces.Dict(
                {"obs": self.observation_space, "valid": mask, "what": FLAT}
            )

    def reset(self, **options: Any) -> Any:
        obs, info = super().reset(**options)
        return self._shown(obs), info

    def step(self, action: Any) -> Any:
        for part, valid in zip(np.atleast_1d(action), self.valid, strict=True):
            assert valid[int(part)], (action, self.valid)
        obs, *rest = super().step(action)
        return self._shown(obs), *rest

    def _shown(self, obs: Any) -> Any:
        self.valid = [self.np_random.random(size) < 0.5 for size in self.sizes]
        for part in self.valid:
            part[self.np_random.integers(len(part))] = True
        mask = np.concatenate(self.valid)
        return obs if self.key is None else obs | {self.key: mask.astype(np.int8)}

    def action_masks(self) -> np.ndarray:
        return np.concatenate(self.valid)


class Observed(Masked):
    """Says which choices are valid in its observations alone."""

    action_masks: Any = property()  # there is none

    def __init__(self, actions: str) -> None:
        super().__init__(actions, in_observation=True)


def parts_of(space: Any) -> list[int]:
    """Returns the number of values of each part of an action."""
    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        return [int(n) for n in space.nvec]
    return [2] * int(space.n)


def ragged(space: Any = FLAT, actions: str = "box", n_envs: int = 3) -> Any:
    """Makes environments whose episodes end by themselves or are cut after 6 steps."""
    return make_vec_env(lambda: TimeLimit(Unmasked(space, actions), 6), n_envs, seed=3)


def masked(actions: str = "discrete", n_envs: int = 3, kind: Any = Masked) -> Any:
    """Makes environments with masks whose episodes end or are cut after 6 steps."""
    return make_vec_env(lambda: TimeLimit(kind(actions), 6), n_envs, seed=3)


def make_model(env: Any = None, **kwargs: Any) -> Any:
    """Makes a small agent, in ragged environments unless told otherwise."""
    options = kwargs.pop("policy_kwargs", {})
    if not options.get("network", "").startswith("test-"):
        options = {"n_neurons": 12} | options
    settings: dict[str, Any] = {"n_steps": 24, "batch_size": 24, "n_epochs": 2}
    settings |= {"policy": "LiquidPolicy", "seed": 1, "device": "cpu"} | kwargs
    return MemoryPPO(env=env or ragged(), policy_kwargs=options, **settings)


def learn(model: Any, n_rollouts: int = 2) -> Any:
    """Lets an agent learn from a few rollouts."""
    return model.learn(n_rollouts * model.n_steps * model.n_envs)


def on_train(model: Any, check: Any) -> None:
    """Calls a function before each update of a model, with the rollout's weights."""
    train = model.train

    def check_and_train() -> None:
        check()
        train()

    model.train = check_and_train
