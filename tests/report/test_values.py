"""The value in a trace is what the critic says of a step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from agents import ALGORITHMS, algorithm_class, make_agent, make_env
from recurrent_agents import CRITICS, each_critic, make_model

from velora.report import trace

pytestmark = pytest.mark.usefixtures("toy_networks")


def test_values_are_those_of_the_value_network() -> None:
    for algorithm in ("PPO", "A2C", "TRPO", "MaskablePPO"):
        model = make_agent(algorithm)
        found = trace(model, model.get_env(), seed=3)
        observations, _ = model.policy.obs_to_tensor(found.observations)
        with torch.no_grad():
            expected = model.policy.predict_values(observations).flatten()
        np.testing.assert_allclose(found.values, expected, atol=1e-6)


class Turned(gym.ActionWrapper[Any, Any, Any]):
    """An environment whose actions have two axes, in double precision."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        (n,) = env.action_space.shape
        self.action_space = gym.spaces.Box(-1, 1, (1, n), np.float64)

    def action(self, action: Any) -> Any:
        return action[0].astype(np.float32)


@pytest.mark.parametrize("wrap", [lambda env: env, Turned])
@pytest.mark.parametrize("algorithm", ["SAC", "TD3", "DDPG", "CrossQ", "TQC"])
def test_values_are_what_critics_say_of_the_action(algorithm: str, wrap: Any) -> None:
    env = wrap(make_env("flat", "box"))
    options = ALGORITHMS[algorithm].settings | {"device": "cpu"}
    model = algorithm_class(algorithm)("NCPPolicy", env, **options)
    found = trace(model, model.get_env(), seed=3)
    # From -1 to 1 already.
    actions = torch.from_numpy(found.actions.astype(np.float32)).flatten(1)
    with torch.no_grad():
        said = model.critic(torch.from_numpy(found.observations), actions)
    if algorithm == "TQC":
        expected = said.flatten(1).mean(dim=1)
    else:
        expected = torch.stack(said).amin(dim=0)[:, 0]
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_values_of_q_networks_are_the_greatest() -> None:
    model = make_agent("DQN")
    found = trace(model, model.get_env(), seed=3)
    np.testing.assert_array_equal(found.values, found.neurons["motor"].max(axis=1))
    model = make_agent("QRDQN")
    found = trace(model, model.get_env(), seed=3)
    quantiles = found.neurons["motor"].reshape(len(found), -1, 4)
    greatest = quantiles.mean(axis=1).max(axis=1)
    np.testing.assert_allclose(found.values, greatest, atol=1e-6)
    assert trace(make_agent("ARS"), make_env("flat", "box"), seed=3).values is None


@each_critic
def test_values_of_a_critic_with_a_state_are_those_of_the_sequence(critic: str) -> None:
    from sb3_contrib.common.recurrent.type_aliases import RNNStates

    model = make_model(policy_kwargs=CRITICS[critic])
    found = trace(model, model.get_env(), n_episodes=4, seed=3)
    zeros = torch.zeros(1, 1, model.policy.lstm_actor.hidden_size)
    with torch.no_grad():
        expected, _, _ = model.policy.evaluate_actions(
            torch.from_numpy(found.observations),
            torch.from_numpy(found.actions),
            RNNStates((zeros, zeros), (zeros, zeros)),
            torch.from_numpy(found.episode_starts).float(),
        )
    np.testing.assert_allclose(found.values, expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("critic", ["separate", "shared", "feed-forward"])
def test_values_of_memory_ppo_are_those_of_the_sequence(critic: str) -> None:
    from memory_agents import make_model as make_memory

    from velora.sb3.memory.sequences import Sequences

    model = make_memory(policy_kwargs={"critic": critic})
    found = trace(model, model.get_env(), n_episodes=4, seed=3)
    whole = Sequences(
        torch.from_numpy(found.observations)[:, None],
        model.policy.initial_states(1),
        torch.from_numpy(found.episode_starts)[:, None],
    )
    with torch.no_grad():
        _, expected, after = model.policy.think(whole)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    np.testing.assert_allclose(found.states[0][-1], after.pi[0][0], atol=1e-6)


def test_values_of_memory_sac_are_those_of_the_sequence() -> None:
    from replay_agents import make_sac

    model = make_sac()
    found = trace(model, model.get_env(), n_episodes=4, seed=3)
    actions = torch.from_numpy(found.actions)  # from -1 to 1 already
    starts = torch.from_numpy(found.episode_starts)
    previous = actions.roll(1, 0).masked_fill(starts[:, None], 0)
    with torch.no_grad():
        known, _ = model.critic.remember(
            torch.from_numpy(found.observations)[:, None],
            starts[:, None],
            previous[:, None],
            model.policy.initial_states(1)[1:],
        )
        expected = model.critic.values(known, actions[:, None]).amin(dim=0)[:, 0]
    assert starts.sum() == 4
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


@pytest.mark.parametrize("head", [(16,), ()])
def test_values_of_memory_dqn_are_those_of_the_sequence(head: Any) -> None:
    from replay_agents import make_dqn

    model = make_dqn(policy_kwargs={"head": head})
    found = trace(model, model.get_env(), n_episodes=4, seed=3)
    starts = torch.from_numpy(found.episode_starts)
    with torch.no_grad():
        expected, _ = model.q_net.over_time(
            torch.from_numpy(found.observations)[:, None],
            starts[:, None],
            model.policy.initial_states(1)[0],
        )
    assert starts.sum() == 4
    np.testing.assert_array_equal(found.actions, expected[:, 0].argmax(dim=1))
    np.testing.assert_allclose(found.values, expected[:, 0].amax(dim=1), atol=1e-5)
