"""Environments that show themselves, where they can."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import gymnasium as gym
from gymnasium.error import DependencyNotInstalled
from stable_baselines3.common.vec_env import VecEnv

from velora.report.environments import Environment, Made


@contextmanager
def opened(env: Environment, *, frames: bool) -> Iterator[tuple[Made, str | None]]:
    """Gives an environment to play in, and why it shows no pictures.

    A name is made so that it renders, where it can. What is made here is closed at the
    end; what is given is left open.

    Args:
        env: as in `velora.report.trace`.
        frames: whether pictures are wanted.

    Yields:
        The environment, and the reason why there are no pictures; None where there are.
    """
    made = _made(env, frames)
    try:
        yield made, _reason(made) if frames else "None were wanted."
    finally:
        if made is not env:
            made.close()


def _made(env: Environment, frames: bool) -> Made:
    if isinstance(env, str):
        if frames:
            # Whatever one that knows no pictures does, it is made without them.
            with suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return gym.make(env, render_mode="rgb_array")
        return gym.make(env)
    if callable(env) and not isinstance(env, gym.Env | VecEnv):
        make: Callable[[], Any] = env
        return make()  # type: ignore[no-any-return]  # what it makes is checked later
    return env


def _reason(env: Any) -> str | None:
    """Takes a picture, and says why there is none."""
    mode = getattr(env, "render_mode", None)
    if mode != "rgb_array":
        return f"The environment renders {mode!r} where it must be 'rgb_array'."
    try:
        env.reset()
        shown = env.get_images()[0] if isinstance(env, VecEnv) else env.render()
    except DependencyNotInstalled as error:
        return f"It renders with what is not installed: {error}"
    except Exception as error:  # of an environment that can do all but that
        return f"It cannot render: {type(error).__name__}: {error}"
    if getattr(shown, "ndim", None) != 3:
        return "It renders no picture."
    return None
