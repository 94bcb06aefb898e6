"""Whole episodes of a policy in its environments, step by step."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize

from velora.models.protocol import takes


@dataclass(frozen=True)
class Step:
    """A step of n environments.

    Attributes:
        episodes: (n,) the number of each one's episode; -1 where it is over.
        observations: as the policy gets them, (n, ...) or a dict of such.
        actions: (n, ...) as the environments get them.
        rewards: (n,) not normalised.
        starts: (n,) true where an episode starts.
        states: of the networks after the step, (n, ...) each, where they are carried.
        action_masks: (n, A) allowed choices, where an algorithm masks them.
        frames: n pictures of before the action, where they are wanted.
    """

    episodes: np.ndarray
    observations: Any
    actions: np.ndarray
    rewards: np.ndarray
    starts: np.ndarray
    states: tuple[np.ndarray, ...]
    action_masks: np.ndarray | None
    frames: np.ndarray | None


def play(
    policy: Any,
    env: VecEnv,
    *,
    n_episodes: int,
    seed: int,
    deterministic: bool,
    frames: bool = False,
) -> Iterator[Step]:
    """Yields the steps of episodes, episode k of which starts from `seed + k`.

    Environments beside each other play one episode each, and all start anew once the
    last one has ended: so which environments there are, and how long the others last,
    changes no episode.
    """
    for first in range(0, n_episodes, env.num_envs):
        numbers = np.arange(first, first + env.num_envs)
        numbers[numbers >= n_episodes] = -1
        env.seed(seed + first)
        yield from _round(policy, env, numbers, deterministic, frames)


def _round(
    policy: Any, env: VecEnv, episodes: np.ndarray, deterministic: bool, frames: bool
) -> Iterator[Step]:
    normalizer = unwrap_vec_normalize(env)
    masked = takes(policy.predict, "action_masks") and env.has_attr("action_masks")
    observations, states = env.reset(), None
    starts = np.ones(env.num_envs, dtype=bool)
    while (episodes >= 0).any():
        masks = np.stack(env.env_method("action_masks")) if masked else None
        options = {"action_masks": masks} if masked else {}
        actions, states = policy.predict(
            observations, states, starts, deterministic, **options
        )
        seen = np.stack(env.get_images()) if frames else None  # type: ignore[arg-type]  # none is None
        following, rewards, dones, _ = env.step(actions)
        if normalizer is not None:
            rewards = normalizer.get_original_reward()
        yield Step(
            episodes,
            observations,
            actions,
            rewards,
            starts,
            () if states is None else states,
            masks,
            seen,
        )
        episodes = np.where(dones, -1, episodes)
        observations, starts = following, dones


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Lets PyTorch draw from a seed, on the CPU and a GPU, and go on as before."""
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def checked_count(name: str, value: int) -> int:
    """Refuses what is no whole number from 1 on: TypeError, ValueError."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"`{name}` must be an integer; got {value!r}.")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1; got {value}.")
    return int(value)


def checked_seed(seed: int | None) -> int:
    """Returns a seed, a fresh one for None; refuses others than integers from 0 on."""
    if seed is None:
        return secrets.randbelow(2**31)
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"`seed` must be an integer or None; got {seed!r}.")
    if seed < 0:
        raise ValueError(f"`seed` must not be negative; got {seed}.")
    return int(seed)
