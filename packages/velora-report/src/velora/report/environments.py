"""Environments to act in: of any kind, made, checked, and left as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import gymnasium as gym
from gymnasium import spaces
from stable_baselines3.common.preprocessing import (
    is_image_space,
    is_image_space_channels_first,
)
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecNormalize,
    VecTransposeImage,
    unwrap_vec_normalize,
)

Made = gym.Env[Any, Any] | VecEnv
Environment = str | Made | Callable[[], Made]
"""A name that `gymnasium.make` knows, an environment or several, or what makes them."""


def normalizer_of(model: Any) -> VecNormalize | None:
    """Returns what normalises the observations that a model was trained with."""
    if not hasattr(model, "get_vec_normalize_env"):
        return None  # a policy alone
    found: VecNormalize | None = model.get_vec_normalize_env()
    return found


@contextmanager
def prepared(
    env: Environment, policy: Any, normalizer: VecNormalize | None
) -> Iterator[VecEnv]:
    """Gives an environment as the vectorised one that a policy acts in.

    Statistics of `VecNormalize` stand still meanwhile. What is made here is closed at
    the end; what is given is left open.

    Args:
        env: one of any kind. Where nothing in it normalises, `normalizer` does.
        policy: whose spaces it must have.
        normalizer: with whose statistics; None for none.

    Raises:
        TypeError: it is no environment.
        ValueError: it has other spaces.
    """
    given = env
    if isinstance(env, str):
        env = gym.make(env)
    elif callable(env) and not isinstance(env, gym.Env | VecEnv):
        env = env()
    if not isinstance(env, gym.Env | VecEnv):
        raise TypeError(
            "`env` must be a gymnasium.Env, a VecEnv of Stable-Baselines3, the name of "
            f"an environment, or a function that makes one; got {given!r:.100}."
        )
    made = env
    try:
        venv = env if isinstance(env, VecEnv) else _alone(env)
        venv = _fitting(venv, policy)
        inner = unwrap_vec_normalize(venv)
        if inner is None and normalizer is not None:
            inner = copy(normalizer)  # without its own environments
            inner.set_venv(venv)
            venv = inner
        with _still(inner):
            yield venv
    finally:
        if made is not given:
            made.close()


def _alone(env: gym.Env[Any, Any]) -> VecEnv:
    return DummyVecEnv([lambda: env])


def _fitting(venv: VecEnv, policy: Any) -> VecEnv:
    """Returns environments that have the spaces of a policy.

    Images are transposed where the policy has them channels first, as
    Stable-Baselines3's algorithms do.
    """
    wanted = policy.observation_space
    if venv.observation_space != wanted and _has_images(venv.observation_space):
        venv = VecTransposeImage(venv)
    for name, got, space in (
        ("observation", venv.observation_space, wanted),
        ("action", venv.action_space, policy.action_space),
    ):
        if got != space:
            raise ValueError(
                f"`env` must have the {name} space that the model was trained with, "
                f"{space}; got {got}. Wrap it as the model's environment was."
            )
    return venv


def _has_images(space: spaces.Space[Any]) -> bool:
    parts = space.values() if isinstance(space, spaces.Dict) else (space,)
    return any(
        is_image_space(part) and not is_image_space_channels_first(part)
        for part in parts
        if isinstance(part, spaces.Box)
    )


@contextmanager
def _still(normalizer: VecNormalize | None) -> Iterator[None]:
    if normalizer is None:
        yield
        return
    training, normalizer.training = normalizer.training, False
    try:
        yield
    finally:
        normalizer.training = training
