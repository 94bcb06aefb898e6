"""Agents that replay sequences: predictions, files, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from memory_agents import ragged
from recurrent_agents import (
    TIMED,
    assert_same_behaviour,
    assert_same_weights,
    follow,
    sequence,
)
from replay_agents import collect, make_dqn
from stable_baselines3 import DQN, HerReplayBuffer
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.vec_env import VecNormalize

from velora.sb3 import Agent, evaluate_policy, networks_of
from velora.sb3.dqn import LiquidPolicy as Memoryless
from velora.sb3.memory.replay import SequenceReplayBuffer
from velora.sb3.memory_dqn import LiquidPolicy, MemoryDQN

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize(
    "network", ["gated-leaky", "test-pair", "test-learned", "test-counter", "gru"]
)
def test_predictions_are_the_steps_of_a_sequence(network: str) -> None:
    model = make_dqn(policy_kwargs={"network": network})
    model.learn(150)
    observations = sequence(model, 6)
    starts = np.zeros((6, 3), dtype=bool)
    starts[2, 1] = starts[4] = True
    actions, state = follow(model, observations, starts)
    policy = model.policy
    with torch.no_grad():
        values, after = policy.q_net.over_time(
            torch.as_tensor(np.stack(observations)),
            torch.as_tensor(starts),
            policy.initial_states(3)[0],
        )
    np.testing.assert_array_equal(actions, values.argmax(dim=2))
    for got, expected in zip(state, after, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_one_environment_is_a_row_of_several_and_timespans_count() -> None:
    model = make_dqn(ragged(TIMED, "discrete"), policy_kwargs={"timespan_key": "dt"})
    model.learn(150)
    assert networks_of(model)["qf"].in_features == 3
    observations = sequence(model, 3)
    actions, state = follow(model, observations)
    alone = [{key: part[1] for key, part in obs.items()} for obs in observations]
    single, after = follow(model, alone)
    assert single.shape == (3,)
    np.testing.assert_array_equal(single, actions[:, 1])
    np.testing.assert_allclose(after[0][0], state[0][1], rtol=1e-4, atol=1e-5)
    late = [obs | {"dt": obs["dt"] + 3} for obs in observations]
    assert not np.allclose(follow(model, late)[1][0], state[0])


def test_random_actions_bring_the_state_on() -> None:
    model = make_dqn()
    obs = sequence(model, 1)[0]
    _, first = model.predict(obs, deterministic=True)
    _, second = model.predict(obs, first, deterministic=True)
    greedy, third = model.predict(obs, second, deterministic=True)
    model.exploration_rate = 1.0
    np.random.seed(0)
    drawn = []
    for _ in range(20):
        actions, after = model.predict(obs, second, deterministic=False)
        assert actions.shape == greedy.shape
        np.testing.assert_array_equal(after[0], third[0])
        drawn.append(actions)
    assert len(np.unique(drawn)) == 4
    assert model.predict(obs[0], deterministic=False)[0].shape == ()


def test_agent_and_evaluation_carry_the_state() -> None:
    model = make_dqn()
    model.learn(150)
    observations = sequence(model, 4)
    actions, state = follow(model, observations)
    agent = Agent(model)
    acted = [agent.act(obs) for obs in observations]
    np.testing.assert_array_equal(np.stack(acted), actions)
    np.testing.assert_array_equal(agent.state[0], state[0])
    _, lengths = evaluate_policy(
        model, model.get_env(), 6, return_episode_rewards=True, warn=False
    )
    assert max(lengths) <= 6


@pytest.mark.parametrize("network", ["gated-leaky", "test-learned", "lstm"])
def test_loaded_agents_and_policies_behave_as_the_saved_ones(
    network: str, tmp_path: Path
) -> None:
    model = make_dqn(policy_kwargs={"network": network})
    model.learn(150)
    model.save(tmp_path / "agent")
    loaded = MemoryDQN.load(tmp_path / "agent", device="cpu")
    assert (loaded.sequence_length, loaded.burn_in) == (4, 3)
    assert_same_behaviour(model, loaded)
    assert_same_weights(model.policy, loaded.policy)
    model.policy.save(tmp_path / "policy")
    policy = type(model.policy).load(tmp_path / "policy")
    got, _ = follow(policy, sequence(model))
    np.testing.assert_array_equal(got, follow(model, sequence(model))[0])
    model.q_net.save(tmp_path / "q_net")
    q_net = type(model.q_net).load(tmp_path / "q_net")
    assert_same_weights(model.q_net, q_net)


def test_learning_goes_on_after_loading_as_without(tmp_path: Path) -> None:
    def env() -> Any:
        return VecNormalize(ragged(TIMED, "discrete"), norm_obs_keys=["obs"])

    model = make_dqn(env(), policy_kwargs={"timespan_key": "dt"})
    model.learn(150)
    model.save(tmp_path / "agent")
    model.save_replay_buffer(tmp_path / "buffer")
    loaded = MemoryDQN.load(tmp_path / "agent", env=env(), device="cpu")
    loaded.load_replay_buffer(tmp_path / "buffer")
    for each in (model, loaded):
        each.set_env(env())
        each.set_random_seed(9)
        each.learn(150)
    assert_same_weights(model.policy, loaded.policy)
    assert loaded._n_updates == model._n_updates > 10


def test_agent_without_its_buffer_fills_one_before_it_learns(tmp_path: Path) -> None:
    model = make_dqn()
    model.learn(150)
    model.save(tmp_path / "agent")
    loaded = MemoryDQN.load(tmp_path / "agent", env=ragged(actions="discrete"))
    loaded.learn(60, reset_num_timesteps=False)
    assert loaded._n_updates > model._n_updates


def test_states_are_not_saved(tmp_path: Path) -> None:
    model = make_dqn()
    model.learn(60)
    assert model._states[0][0].any()
    model.save(tmp_path / "agent.zip")
    with zipfile.ZipFile(tmp_path / "agent.zip") as archive:
        saved = json.loads(archive.read("data"))
    assert "_last_obs" in saved
    assert not {"_states", "_steps", "_previous"} & set(saved)
    # An agent that goes on in the middle of episodes starts from the beginning there.
    loaded = MemoryDQN.load(
        tmp_path / "agent.zip", env=model.get_env(), force_reset=False, device="cpu"
    )
    loaded.learn(3, reset_num_timesteps=False)
    assert loaded.replay_buffer.starts[0].all()


def test_steps_at_which_a_callback_stops_are_given_up() -> None:
    model = collect(make_dqn(), 10)
    pos = model.replay_buffer.pos
    model.learn(30, callback=lambda *_: False, reset_num_timesteps=False)
    assert model.replay_buffer.pos == pos
    model.learn(3, reset_num_timesteps=False)
    assert model.replay_buffer.starts[pos].all()


def test_optimized_memory_is_no_different() -> None:
    models = []
    for is_optimized in (True, False):
        models.append(make_dqn(optimize_memory_usage=is_optimized))
        models[-1].learn(150)
        models[-1].learn(60)
    assert_same_weights(models[0].policy, models[1].policy)
    assert models[0]._n_updates > 5


def test_other_buffers_and_several_steps_are_refused(tmp_path: Path) -> None:
    for kind in (ReplayBuffer, NStepReplayBuffer, HerReplayBuffer):
        with pytest.raises(ValueError, match="must be a SequenceReplayBuffer"):
            make_dqn(replay_buffer_class=kind)
    with pytest.raises(ValueError, match="`n_steps` must be 1 for MemoryDQN"):
        make_dqn(n_steps=3)
    foreign = DQN("MlpPolicy", ragged(actions="discrete"), buffer_size=60)
    foreign.save_replay_buffer(tmp_path / "foreign")
    model = make_dqn()
    mine = model.replay_buffer
    with pytest.raises(ValueError, match="must be a SequenceReplayBuffer"):
        model.load_replay_buffer(tmp_path / "foreign")
    make_dqn(burn_in=2).save_replay_buffer(tmp_path / "other")
    with pytest.raises(ValueError, match=r"must have `burn_in` 3, .* got 2"):
        model.load_replay_buffer(tmp_path / "other")
    assert model.replay_buffer is mine

    class Mine(SequenceReplayBuffer):
        pass

    assert type(make_dqn(replay_buffer_class=Mine).replay_buffer) is Mine


def test_policies_without_a_state_are_refused() -> None:
    for name in ("MlpPolicy", "NCPPolicy"):
        with pytest.raises(ValueError, match="MemoryDQN needs a policy that carries"):
            make_dqn(policy=name)
    with pytest.raises(TypeError, match="must inherit from MemoryQNetworks"):
        make_dqn(policy=Memoryless)
    with pytest.raises(ValueError, match="needs a network that carries a state; 'ncp'"):
        make_dqn(policy_kwargs={"network": "ncp"})
    with pytest.raises(TypeError, match="which is one for another algorithm"):
        DQN(LiquidPolicy, ragged(actions="discrete"), device="cpu")
    assert DQN.policy_aliases["LiquidPolicy"] is Memoryless


def test_batches_are_of_whole_sequences() -> None:
    with pytest.raises(ValueError, match=r"got 4 and 18. batch_size=16 fits"):
        make_dqn(batch_size=18)
    model = MemoryDQN("LiquidPolicy", ragged(actions="discrete"), 1e-3, 1000, 9, 64)
    assert (model.sequence_length, model.burn_in, model.batch_size) == (16, 10, 64)
    assert networks_of(model)["qf"].n_neurons == 150
