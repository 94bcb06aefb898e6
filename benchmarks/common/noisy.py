"""Environments whose sensors are noisy, and what an agent scores with such."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TransformObservation

from common.training import AgentJob, fit, score

LEVELS = (0.1, 0.3)  # of a sensor's spread under actions at random
STEPS = 1000  # from which that is taken


def noisy(name: str, level: float) -> gym.Env[Any, Any]:
    """Makes an environment whose sensors have Gaussian noise.

    Args:
        name: Of the environment.
        level: Standard deviation of the noise, in those of each sensor while actions
            are taken at random.
    """
    env = gym.make(name)
    if not level:
        return env
    deviations = level * spread(env)

    def blurred(observation: Any) -> Any:
        noise = env.np_random.normal(size=deviations.shape) * deviations
        return (observation + noise).astype(np.float32)

    everything = gym.spaces.Box(-np.inf, np.inf, deviations.shape, np.float32)
    return TransformObservation(env, blurred, everything)


def spread(env: gym.Env[Any, Any]) -> Any:
    """Returns the standard deviation of each sensor while actions are random."""
    env.action_space.seed(0)
    seen = [env.reset(seed=0)[0]]
    while len(seen) < STEPS:
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        is_over = terminated or truncated
        seen.append(env.reset()[0] if is_over else observation)
    return np.std(seen, axis=0)


def train(job: AgentJob) -> dict[str, Any]:
    """Trains an agent without noise, and scores it with and without."""
    agent, found = fit(job)
    levels = {f"noise {level}": score(agent, job, level=level) for level in LEVELS}
    return found | levels | {"score": score(agent, job)}
