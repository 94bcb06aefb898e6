"""Small agents that learn from replayed sequences, for the tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from memory_agents import ragged
from recurrent_agents import FLAT
from stable_baselines3 import DQN, SAC

from velora.sb3 import dqn, memory_dqn, memory_sac, sac

SMALL = {"sequence_length": 4, "burn_in": 3, "batch_size": 16, "buffer_size": 600}
WARM_UP = 60


@dataclass(frozen=True)
class Kind:
    """An algorithm that replays sequences.

    Attributes:
        algorithm: the class.
        base: the algorithm of Stable-Baselines3 that it is.
        module: with its policies.
        theirs: the module with those of that algorithm.
        actions: its action space.
        settings: so that what it does once in a while happens in a test.
    """

    algorithm: Any
    base: Any
    module: Any
    theirs: Any
    actions: str
    settings: dict[str, Any]

    def env(self, space: Any = FLAT) -> Any:
        """Makes environments whose episodes end by themselves or are cut."""
        return ragged(space, self.actions)

    def make(self, env: Any = None, **kwargs: Any) -> Any:
        """Makes a small agent, in ragged environments unless told otherwise."""
        options = kwargs.pop("policy_kwargs", {})
        if not options.get("network", "").startswith("test-"):
            options = {"n_neurons": 12} | options
        settings: dict[str, Any] = {"learning_starts": WARM_UP, "learning_rate": 1e-2}
        settings |= {"policy": "LiquidPolicy", "seed": 1, "device": "cpu"} | SMALL
        settings |= self.settings | kwargs
        env = self.env() if env is None else env
        return self.algorithm(env=env, policy_kwargs=options, **settings)


KINDS = {
    "MemorySAC": Kind(memory_sac.MemorySAC, SAC, memory_sac, sac, "box", {}),
    "MemoryDQN": Kind(
        memory_dqn.MemoryDQN,
        DQN,
        memory_dqn,
        dqn,
        "discrete",
        {"train_freq": 1, "target_update_interval": 12, "exploration_fraction": 0.9},
    ),
}
make_sac = KINDS["MemorySAC"].make
make_dqn = KINDS["MemoryDQN"].make


def collect(model: Any, n_steps: int = 50) -> Any:
    """Lets an agent fill its buffer, and learn nothing."""
    learning_starts, model.learning_starts = model.learning_starts, 10**6
    model.learn(n_steps * model.n_envs)
    model.learning_starts = learning_starts
    return model


@torch.no_grad()
def states_after(
    model: Any, obs: Any, starts: Any, previous: Any, states: Any
) -> list[Any]:
    """Goes through sequences with all networks; returns the parts of their states."""
    first, *critics = model.policy.split(states)
    if isinstance(model, DQN):
        return list(model.q_net.over_time(obs, starts, first)[1])
    _, first = model.actor.over_time(obs, starts, first)
    _, critics = model.critic.remember(obs, starts, previous, critics)
    return [part for state in (first, *critics) for part in state]


def replayed_states(model: Any, data: Any, n_steps: int) -> list[Any]:
    """Goes the first steps of sequences; returns the parts of states after them."""
    columns = data.n_columns
    states = tuple(part[:columns] for part in data.states)
    previous = data.previous[:n_steps, :columns]
    return states_after(model, *data.between(0, n_steps), previous, states)


@torch.no_grad()
def chosen(model: Any, obs: Any, starts: Any) -> tuple[Any, Any]:
    """Returns the best actions over sequences, and the state after them."""
    policy = model.policy
    state = policy.initial_states(starts.shape[1])[0]
    if isinstance(model, DQN):
        values, after = policy.q_net.over_time(obs, starts, state)
        return values.argmax(dim=2).numpy(), after
    motor, after = policy.actor.over_time(obs, starts, state)
    actions = [policy.actor.choose(step, deterministic=True) for step in motor]
    return np.stack([policy.as_actions(each) for each in actions]), after


def all_of(model: Any) -> Any:
    """Returns all sequences of an agent's buffer."""
    buffer = model.replay_buffer
    numbers = np.arange(buffer.n_sequences)
    return buffer.take(numbers, model.get_vec_normalize_env())


def assert_met(model: Any, data: Any) -> None:
    """Sees that the states of a buffer follow from each other, step by step."""
    interval, n_envs = model.replay_buffer.interval, model.n_envs
    after = replayed_states(model, data, interval)
    assert len(after) == len(data.states)
    starts = data.starts[0, n_envs : data.n_columns]
    assert starts.any()
    for got, met in zip(after, data.states, strict=True):
        assert met.any()
        following = met[n_envs : data.n_columns]  # an interval later
        torch.testing.assert_close(
            got[:-n_envs][~starts], following[~starts], rtol=1e-4, atol=1e-5
        )
