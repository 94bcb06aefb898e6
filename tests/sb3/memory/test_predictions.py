"""What an agent of MemoryPPO does with a state that is passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from memory_agents import learn, make_model, ragged
from recurrent_agents import TIMED, follow, sequence
from stable_baselines3 import PPO
from stable_baselines3.common.envs import FakeImageEnv
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.policies import ActorCriticPolicy

import velora.sb3
from velora.plugins import policies
from velora.sb3 import Agent, MemoryPPO, networks_of
from velora.sb3.memory.sequences import Sequences
from velora.sb3.memory_ppo import GRUPolicy, LiquidPolicy, LSTMPolicy
from velora.sb3.ppo import NCPPolicy

pytestmark = pytest.mark.usefixtures("toy_networks")

ACTIONS = ("box", "discrete", "multi_discrete", "multi_binary")
NETWORKS = ["gated-leaky", "liquid", "test-pair", "test-learned", "test-counter", "gru"]


@pytest.mark.parametrize("actions", ACTIONS)
def test_no_action_is_chosen_by_what_is_no_number(actions: str) -> None:
    model = make_model(ragged(actions=actions))
    said = "must be numbers; got NaN" if actions == "discrete" else "Expected parameter"
    with pytest.raises(ValueError, match=said):
        model.predict(np.full(3, np.nan, np.float32))
    with torch.no_grad():
        next(networks_of(model)["pi"].parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match=said):
        learn(model)


@pytest.mark.parametrize("critic", ["separate", "shared"])
@pytest.mark.parametrize("network", NETWORKS)
def test_predictions_are_the_steps_of_a_sequence(network: str, critic: str) -> None:
    model = learn(make_model(policy_kwargs={"network": network, "critic": critic}))
    observations = sequence(model, 6)
    starts = np.zeros((6, 3), dtype=bool)
    starts[2, 1] = starts[4] = True
    actions, state = follow(model, observations, starts)
    policy = model.policy
    whole = Sequences(
        torch.as_tensor(np.stack(observations)),
        policy.initial_states(3),
        torch.as_tensor(starts),
    )
    distribution, _, after = policy.think(whole)
    means = distribution.mode().detach().view(6, 3, -1).clamp(-1, 1)
    np.testing.assert_allclose(actions, means, rtol=1e-4, atol=1e-5)
    for got, expected in zip(state, after.pi, strict=True):
        np.testing.assert_allclose(got, expected.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["LSTMPolicy", "GRUPolicy"])
@pytest.mark.parametrize(
    "space", [spaces.Discrete(3), spaces.MultiDiscrete([2, 3])], ids=repr
)
def test_torch_cells_take_observations_that_are_counted(
    policy: str, space: spaces.Space[Any]
) -> None:
    env = FakeImageEnv(discrete=True)
    env.observation_space = space
    model = MemoryPPO(policy, env, n_steps=8, batch_size=8, device="cpu")
    action, _ = model.predict(space.sample())
    assert model.action_space.contains(int(action))


def test_one_environment_is_a_row_of_several() -> None:
    model = learn(make_model(ragged(TIMED), policy_kwargs={"timespan_key": "dt"}))
    observations = sequence(model, 3)
    actions, _ = follow(model, observations)
    alone = [{key: part[1] for key, part in obs.items()} for obs in observations]
    single, state = follow(model, alone)
    assert single.shape == (3, 3)
    np.testing.assert_allclose(single, actions[:, 1], rtol=1e-4, atol=1e-5)
    assert [part.shape[0] for part in state] == [1]


def test_timespans_count_and_are_no_feature() -> None:
    model = learn(make_model(ragged(TIMED), policy_kwargs={"timespan_key": "dt"}))
    assert networks_of(model)["pi"].in_features == 3
    observations = sequence(model, 3)
    late = [obs | {"dt": obs["dt"] + 3} for obs in observations]
    assert not np.allclose(follow(model, observations)[0], follow(model, late)[0])


def test_wrong_states_and_starts_are_refused() -> None:
    model = make_model()
    obs = sequence(model, 1)[0]
    _, state = model.predict(obs)
    with pytest.raises(
        ValueError, match=r"`state` must be a tuple of arrays of shapes"
    ):
        model.predict(obs[:2], state)
    with pytest.raises(ValueError, match=r"must have shape \(n_envs,\) = \(3,\)"):
        model.predict(obs, state, np.zeros(2))


def test_agent_and_evaluate_policy_carry_the_state() -> None:
    model = learn(make_model())
    observations = sequence(model, 4)
    actions, state = follow(model, observations)
    agent = Agent(model)
    np.testing.assert_array_equal(
        np.stack([agent.act(o) for o in observations]), actions
    )
    np.testing.assert_array_equal(agent.state[0], state[0])
    rewards, lengths = evaluate_policy(
        model, ragged(), 6, return_episode_rewards=True, deterministic=True
    )
    assert len(rewards) == 6
    assert max(lengths) <= 6


def test_policies_have_their_names_and_ppos_stay() -> None:
    assert MemoryPPO.policy_aliases == {
        "LiquidPolicy": LiquidPolicy,
        "LSTMPolicy": LSTMPolicy,
        "GRUPolicy": GRUPolicy,
    }
    aliases = PPO.policy_aliases
    assert aliases["LiquidPolicy"] is velora.sb3.ppo.LiquidPolicy
    assert aliases["MlpPolicy"] is ActorCriticPolicy
    assert "LSTMPolicy" not in aliases
    for name, kind in MemoryPPO.policy_aliases.items():
        assert policies()[f"memory_ppo.{name}"].build is kind
        assert type(make_model(policy=name).policy) is kind


def test_default_network_and_size_are_those_of_recurrent_ppo() -> None:
    for policy, name, size in (
        ("LiquidPolicy", "GatedLeakyNCPNetwork", 150),
        ("LSTMPolicy", "LSTMNetwork", 64),
        ("GRUPolicy", "GRUNetwork", 64),
    ):
        model = MemoryPPO(policy, ragged(), device="cpu")
        for network in networks_of(model, torch.nn.Module).values():
            assert type(network).__name__ == name
            found: Any = network
            assert getattr(found, "n_neurons", found and found.hidden_size) == size


def test_policies_without_a_state_are_refused() -> None:
    for name in ("MlpPolicy", "NCPPolicy", "MlpLstmPolicy"):
        with pytest.raises(ValueError, match="needs a policy that carries a state"):
            make_model(policy=name)
    for kind in (ActorCriticPolicy, NCPPolicy):
        with pytest.raises(TypeError, match="must inherit from MemoryNetworks"):
            make_model(policy=kind)
    with pytest.raises(ValueError, match="needs a network that carries a state; 'ncp'"):
        make_model(policy_kwargs={"network": "ncp"})
    with pytest.raises(TypeError, match=r"one for another algorithm.*load a file by"):
        PPO(LiquidPolicy, ragged(), device="cpu")


def test_arguments_that_do_not_fit_are_refused() -> None:
    for options, message in (
        ({"critic": "none"}, "must be one of .'separate', 'shared', 'feed-forward'"),
        ({"shared_lstm": True}, "say here what the critic is by `critic`"),
        ({"lstm_hidden_size": 3}, "must be left out: this policy has no LSTM"),
        ({"net_arch": [64]}, "`net_arch` describes layers"),
        ({"critic": "shared", "share_features_extractor": False}, "needs a shared"),
        ({"timespan_key": "dt"}, "`timespan_key` must name a Box of one number"),
        ({"critic": "shared", "n_neurons": {"pi": 9, "vf": 9}}, "with the keys .'pi'"),
    ):
        with pytest.raises(ValueError, match=message):
            make_model(policy_kwargs=options)
    with pytest.raises(TypeError, match="must take `timespans` here"):
        make_model(
            ragged(TIMED), policy_kwargs={"network": "lstm", "timespan_key": "dt"}
        )
    with pytest.raises(TypeError, match="takes no 'sparsity_level'"):
        make_model(policy="LSTMPolicy", policy_kwargs={"sparsity_level": 0.5})
