"""Classic tasks whose positions are seen at other times than actions are taken."""

from __future__ import annotations

import statistics
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control import CartPoleEnv, PendulumEnv

from common.training import AgentJob, fit, score

PARTS = 4  # of what is a step of the environment elsewhere
POSITIONS = {"CartPole-v1": [0, 2], "Pendulum-v1": [0, 1]}
LENGTH = {"CartPole-v1": 500, "Pendulum-v1": 200}  # of an episode, in such steps
PERIODS = {"at 1/2": PARTS // 2, "at 1": PARTS, "at 2": 2 * PARTS}


class Sampled(gym.Wrapper[Any, Any, Any, Any]):
    """Shows positions, and how much time has passed between the last two of them.

    The simulation runs in quarters of the environment's own step, so that time does:

    - an action is held for `period` quarters;
    - a position is as old as chance says when it is acted upon, at most `oldest`
      quarters; what has happened since is not known.

    Observations are dicts: "obs" the positions, and, if the agent may know it, "dt" the
    time from the position before to this one, in steps of the environment. A reward is
    that of the quarters, an episode as long as elsewhere.
    """

    def __init__(
        self, env: gym.Env[Any, Any], period: int, oldest: int, has_time: bool
    ) -> None:
        super().__init__(env)
        assert env.spec is not None
        self.positions = POSITIONS[env.spec.id]
        self.period, self.oldest, self.has_time = period, oldest, has_time
        space: Any = env.observation_space
        low, high = (side[self.positions] for side in (space.low, space.high))
        shown: dict[str, spaces.Space[Any]] = {"obs": spaces.Box(low, high)}
        if has_time:
            shown["dt"] = spaces.Box(0.0, np.inf, (1,), np.float32)
        self.observation_space = spaces.Dict(shown)

    def reset(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode; nothing has passed before it, so its first dt is 1."""
        obs, info = self.env.reset(**options)
        self.age = 0
        return self._shown(obs, PARTS), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Holds an action; shows a position that is not older than it."""
        age = int(self.np_random.integers(self.oldest + 1))
        total, passed, over = 0.0, 0, False
        seen: Any = None
        while passed < self.period and not over:
            obs, reward, terminated, truncated, info = self.env.step(action)
            total, passed = total + float(reward) / PARTS, passed + 1
            over = terminated or truncated
            if over or passed == self.period - age:
                seen, age = obs, self.period - passed
        between, self.age = self.period + self.age - age, age
        return self._shown(seen, between), total, terminated, truncated, info

    def _shown(self, obs: Any, quarters: int) -> dict[str, Any]:
        shown = {"obs": obs[self.positions]}
        if self.has_time:
            shown["dt"] = np.array([quarters / PARTS], np.float32)
        return shown


def sampled(name: str, period: int, oldest: int, has_time: bool) -> gym.Env[Any, Any]:
    """Makes an environment, in quarters of its steps, with `Sampled` around it."""
    env = gym.make(name, max_episode_steps=PARTS * LENGTH[name])
    inner = env.unwrapped
    if isinstance(inner, CartPoleEnv):
        inner.tau /= PARTS
    elif isinstance(inner, PendulumEnv):
        inner.dt /= PARTS
    return Sampled(env, period, oldest, has_time)


def train(job: AgentJob) -> dict[str, Any]:
    """Trains an agent, and scores it: where times are regular, at other steps."""
    agent, found = fit(job)
    if job.env_kwargs["oldest"]:
        return found | {"score": score(agent, job)}
    at = {name: score(agent, job, period=period) for name, period in PERIODS.items()}
    return found | at | {"score": statistics.mean([at["at 1/2"], at["at 2"]])}
