"""Small agents that learn from replayed sequences, for the tests of this folder."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from memory_agents import ragged

from velora.sb3.memory.over_time import over_time
from velora.sb3.memory_dqn import MemoryDQN
from velora.sb3.memory_sac import MemorySAC

SMALL = {"sequence_length": 4, "burn_in": 3, "batch_size": 16, "buffer_size": 600}
WARM_UP = 60


class Recall(gym.Env[Any, Any]):
    """Rewards for naming, after four steps, the side that the first one showed."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, **options: Any) -> Any:
        super().reset(**options)
        self.time, self.side = 0, int(self.np_random.integers(2)) * 2 - 1
        return self._shown(), {}

    def step(self, action: Any) -> Any:
        is_right = self.time == 3 and (action == 1) == (self.side > 0)
        self.time += 1
        return self._shown(), float(is_right), self.time == 4, False, {}

    def _shown(self) -> Any:
        shown = [self.side * (self.time == 0), self.time == 3]
        return np.array(shown, dtype=np.float32)


def make_dqn(env: Any = None, **kwargs: Any) -> Any:
    """Makes a small agent, in ragged environments unless told otherwise."""
    env = ragged(actions="discrete") if env is None else env
    return _make(MemoryDQN, env, **kwargs)


def make_sac(env: Any = None, **kwargs: Any) -> Any:
    """Makes a small agent, in ragged environments unless told otherwise."""
    return _make(MemorySAC, ragged() if env is None else env, **kwargs)


def _make(kind: Any, env: Any, **kwargs: Any) -> Any:
    options = kwargs.pop("policy_kwargs", {})
    if not options.get("network", "").startswith("test-"):
        options = {"n_neurons": 12} | options
    settings: dict[str, Any] = {"learning_starts": WARM_UP, "learning_rate": 1e-2}
    settings |= {"policy": "LiquidPolicy", "seed": 1, "device": "cpu"} | SMALL | kwargs
    return kind(env=env, policy_kwargs=options, **settings)


def collect(model: Any, n_steps: int = 50) -> Any:
    """Lets an agent fill its buffer, and learn nothing."""
    learning_starts, model.learning_starts = model.learning_starts, 10**6
    model.learn(n_steps * model.n_envs)
    model.learning_starts = learning_starts
    return model


def parts_after(model: Any, data: Any, n_steps: int) -> Any:
    """Goes the first steps of sequences with the network that acts."""
    q_net = model.policy.q_net
    obs, starts = data.between(0, n_steps)
    state = tuple(part[: data.n_columns] for part in data.states)
    with torch.no_grad():
        return over_time(q_net, q_net.q_net, obs, starts, state)[1]


def all_of(model: Any) -> Any:
    """Returns all sequences of an agent's buffer."""
    buffer = model.replay_buffer
    numbers = np.arange(buffer.n_sequences)
    return buffer.take(numbers, model.get_vec_normalize_env())
