"""Tasks that are nothing but memory: a T-maze, and POPGym's easiest.

POPGym's are of Morad et al. 2023, "POPGym: Benchmarking partially observable
reinforcement learning"; a return is between -1 and 1. All learn with the same settings.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np

from common.t_maze import TMaze
from common.training import AgentJob

T_MAZE, MASKED = "T-maze", "RepeatPrevious, masks"
POPGYM = ("RepeatPrevious", "RepeatFirst", "CountRecall", "Autoencode")
TASKS = (T_MAZE, *POPGYM, MASKED)

MISSING = {
    name: f"{name} needs `pip install popgym`."
    for name in TASKS
    if name != T_MAZE and not find_spec("popgym")
}


class TwoChoices(gym.Wrapper[Any, Any, Any, Any]):
    """RepeatPrevious with masks: the right suit and one more, by chance."""

    def reset(self, **options: Any) -> Any:
        """Starts an episode."""
        seen, info = super().reset(**options)
        self.seen = [seen]
        return seen, info

    def step(self, action: Any) -> Any:
        """Goes on; an action that is not valid is a wrong one."""
        seen, *rest = super().step(action)
        self.seen.append(seen)
        return seen, *rest

    def action_masks(self) -> np.ndarray:
        """Says which of the four are valid now."""
        distance = self.unwrapped.k  # type: ignore[attr-defined]  # RepeatPrevious has it
        if len(self.seen) < distance:  # nothing is right yet
            return np.ones(4, dtype=bool)
        right = self.seen[-distance]
        other = (right + 1 + self.unwrapped.np_random.integers(3)) % 4
        return np.isin(np.arange(4), [right, other])


def job(
    names: dict[str, str],
    algorithm: str,
    policy: str,
    seed: int,
    steps: int | None,
    frames: int = 1,
    **policy_kwargs: Any,
) -> AgentJob:
    """Returns the run of an agent on the task that the names name."""
    return AgentJob(
        names,
        algorithm,
        policy,
        make,
        seed,
        steps or 500_000,
        settings={
            "n_steps": 128,
            "batch_size": 512,
            "n_epochs": 10,
            "learning_rate": 1e-3,
            "gamma": 0.99,
            "ent_coef": 0.01,
        },
        policy_kwargs=policy_kwargs,
        env_kwargs={"name": names["task"], "frames": frames},
        n_envs=16,
        libraries=() if names["task"] == T_MAZE else ("popgym",),
    )


def make(name: str, frames: int = 1) -> gym.Env[Any, Any]:
    """Makes the environment of a task, with so many observations in one."""
    env = gym.wrappers.FlattenObservation(_make(name))
    return gym.wrappers.FrameStackObservation(env, frames) if frames > 1 else env


def _make(name: str) -> gym.Env[Any, Any]:
    if name == T_MAZE:
        return TMaze()
    from popgym.envs.autoencode import AutoencodeEasy
    from popgym.envs.count_recall import CountRecallEasy
    from popgym.envs.repeat_first import RepeatFirstEasy
    from popgym.envs.repeat_previous import RepeatPreviousEasy

    if name == "Autoencode":
        space = gym.spaces.MultiDiscrete([2, 4])
        return gym.wrappers.TransformObservation(AutoencodeEasy(), np.array, space)
    env: gym.Env[Any, Any] = {
        "RepeatPrevious": RepeatPreviousEasy,
        MASKED: RepeatPreviousEasy,
        "RepeatFirst": RepeatFirstEasy,
        "CountRecall": CountRecallEasy,
    }[name]()
    return TwoChoices(env) if name == MASKED else env
