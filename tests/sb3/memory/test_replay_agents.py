"""Agents that replay sequences: states, predictions, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recurrent_agents import (
    TIMED,
    assert_same_weights,
    follow,
    sequence,
)
from replay_agents import (
    WARM_UP,
    Kind,
    all_of,
    assert_met,
    chosen,
    collect,
    states_after,
)
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.vec_env import VecNormalize

from velora.sb3 import Agent, NeuronCallback, evaluate_policy, networks_of
from velora.sb3.memory.replay import SequenceReplayBuffer

pytestmark = pytest.mark.usefixtures("toy_networks")


each_network = pytest.mark.parametrize(
    "network", ["gated-leaky", "liquid", "test-pair", "test-learned", "lstm"]
)


@each_network
def test_states_that_are_replayed_are_those_that_were_met(
    kind: Kind, network: str
) -> None:
    model = kind.make(policy_kwargs={"network": network}, gradient_steps=0)
    collect(collect(model), 31)  # `learn` resets where no episode has ended
    buffer = model.replay_buffer
    assert (buffer.starts[1:] & ~buffer.dones[:-1].astype(bool)).any()
    model.learning_starts = 0  # actions of the policy, too
    model.learn(93)
    assert_met(model, all_of(model))


def test_replay_holds_raw_observations_and_states_that_saw_normalised_ones(
    kind: Kind,
) -> None:
    env = VecNormalize(kind.env(TIMED), norm_obs_keys=["obs"])
    collect(kind.make(env, policy_kwargs={"timespan_key": "dt"}))
    env.training = False  # the statistics stay
    model = collect(kind.make(env, policy_kwargs={"timespan_key": "dt"}))
    assert (np.abs(model.replay_buffer.observations["obs"]) <= 1).all()
    data = all_of(model)
    assert (data.observations["obs"].abs() > 1.2).any()
    assert_met(model, data)


def test_steps_are_those_of_the_weights_after_the_last_update(kind: Kind) -> None:
    model = kind.make(train_freq=4, sequence_length=8, batch_size=16, learning_rate=0.1)
    checked = []

    def check() -> None:
        buffer = model.replay_buffer
        first = buffer.pos - 4
        steps = slice(first, buffer.pos)
        starts = torch.as_tensor(buffer.starts[steps])
        actions = torch.as_tensor(buffer.actions[first - 1 : buffer.pos - 1]).float()
        after = states_after(
            model,
            torch.as_tensor(buffer.observations[steps]),
            starts,
            actions.masked_fill(starts[..., None], 0),
            tuple(torch.as_tensor(part[first // 4]) for part in buffer.states),
        )
        carried = [part for state in model._states for part in state]
        for got, expected in zip(carried, after, strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
        network = next(iter(model.policy.networks.values()))
        checked.append(network.motor.weight.detach().clone())

    train = model.train

    def check_and_train(**kwargs: Any) -> None:
        check()
        train(**kwargs)

    model.train = check_and_train
    model.learn(200)
    assert len(checked) > 8
    assert not torch.allclose(checked[0], checked[-1], atol=0.1)


def test_learning_waits_for_a_first_sequence(kind: Kind) -> None:
    model = kind.make(learning_starts=0, train_freq=1)
    weights = [p.clone() for p in model.policy.parameters()]
    model.learn(3 * (model.replay_buffer.n_steps - 1))
    assert model._n_updates == 0
    assert all(map(torch.equal, weights, model.policy.parameters()))
    model.learn(3, reset_num_timesteps=False)
    assert model._n_updates == 1


@pytest.mark.parametrize(
    "network", ["gated-leaky", "test-pair", "test-learned", "test-counter", "gru"]
)
def test_predictions_are_the_steps_of_a_sequence(kind: Kind, network: str) -> None:
    model = kind.make(policy_kwargs={"network": network})
    model.learn(150)
    observations = sequence(model, 6)
    starts = np.zeros((6, 3), dtype=bool)
    starts[2, 1] = starts[4] = True
    actions, state = follow(model, observations, starts)
    obs = torch.as_tensor(np.stack(observations))
    expected, after = chosen(model, obs, torch.as_tensor(starts))
    np.testing.assert_allclose(actions, expected, rtol=1e-4, atol=1e-5)
    for got, part in zip(state, after, strict=True):
        np.testing.assert_allclose(got, part, rtol=1e-4, atol=1e-5)


def test_one_environment_is_a_row_of_several_and_timespans_count(kind: Kind) -> None:
    model = kind.make(kind.env(TIMED), policy_kwargs={"timespan_key": "dt"})
    model.learn(150)
    assert next(iter(networks_of(model).values())).in_features == 3
    observations = sequence(model, 3)
    actions, state = follow(model, observations)
    alone = [{key: part[1] for key, part in obs.items()} for obs in observations]
    single, after = follow(model, alone)
    assert single.shape == (3, *model.action_space.shape)
    np.testing.assert_allclose(single, actions[:, 1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(after[0][0], state[0][1], rtol=1e-4, atol=1e-5)
    late = [obs | {"dt": obs["dt"] + 3} for obs in observations]
    assert not np.allclose(follow(model, late)[1][0], state[0])


def test_agent_and_evaluation_carry_the_state_of_what_acts(kind: Kind) -> None:
    model = kind.make()
    model.learn(150)
    observations = sequence(model, 4)
    actions, state = follow(model, observations)
    assert len(state) == 1
    agent = Agent(model)
    acted = [agent.act(obs) for obs in observations]
    np.testing.assert_array_equal(np.stack(acted), actions)
    np.testing.assert_array_equal(agent.state[0], state[0])
    _, lengths = evaluate_policy(
        model, model.get_env(), 6, return_episode_rewards=True, warn=False
    )
    assert max(lengths) <= 6


def test_neurons_of_what_acts_are_logged(kind: Kind) -> None:
    model = kind.make()
    model.learn(150, callback=NeuronCallback(every=60), log_interval=10**6)
    acts = next(iter(networks_of(model)))
    assert f"neurons/{acts}/command/dead" in model.logger.name_to_value
    quiet = kind.make()
    quiet.learn(150)
    assert_same_weights(model.policy, quiet.policy)


def test_steps_at_which_a_callback_stops_are_given_up(kind: Kind) -> None:
    model = collect(kind.make(), 10)
    pos = model.replay_buffer.pos
    model.learn(30, callback=lambda *_: False, reset_num_timesteps=False)
    assert model.replay_buffer.pos == pos
    model.learn(3, reset_num_timesteps=False)
    assert model.replay_buffer.starts[pos].all()


def test_optimized_memory_is_no_different(kind: Kind) -> None:
    models = []
    for is_optimized in (True, False):
        models.append(kind.make(optimize_memory_usage=is_optimized))
        models[-1].learn(150)
        models[-1].learn(60)
    assert_same_weights(models[0].policy, models[1].policy)
    assert models[0]._n_updates > 5


def test_other_buffers_and_several_steps_are_refused(
    kind: Kind, tmp_path: Path
) -> None:
    for other in (ReplayBuffer, NStepReplayBuffer, HerReplayBuffer):
        with pytest.raises(ValueError, match="must be a SequenceReplayBuffer"):
            kind.make(replay_buffer_class=other)
    with pytest.raises(ValueError, match="`n_steps` must be 1 for Memory"):
        kind.make(n_steps=3)
    foreign = kind.base("MlpPolicy", kind.env(), buffer_size=60)
    foreign.save_replay_buffer(tmp_path / "foreign")
    model = kind.make()
    mine = model.replay_buffer
    with pytest.raises(ValueError, match="must be a SequenceReplayBuffer"):
        model.load_replay_buffer(tmp_path / "foreign")
    kind.make(burn_in=2).save_replay_buffer(tmp_path / "other")
    with pytest.raises(ValueError, match=r"must have `burn_in` 3, .* got 2"):
        model.load_replay_buffer(tmp_path / "other")
    assert model.replay_buffer is mine

    class Mine(SequenceReplayBuffer):
        pass

    assert type(kind.make(replay_buffer_class=Mine).replay_buffer) is Mine


def test_policies_without_a_state_are_refused(kind: Kind) -> None:
    name, base = kind.algorithm.__name__, kind.base
    for policy in ("MlpPolicy", "NCPPolicy"):
        refused = rf"{name} needs .* others to {base.__name__}"
        with pytest.raises(ValueError, match=refused):
            kind.make(policy=policy)
    with pytest.raises(
        TypeError, match=f"must inherit from {name}Networks.*load a file"
    ):
        kind.make(policy=kind.theirs.LiquidPolicy)
    with pytest.raises(ValueError, match="needs a network that carries a state; 'ncp'"):
        kind.make(policy_kwargs={"network": "ncp"})
    with pytest.raises(TypeError, match=r"one for another algorithm.*load a file by"):
        base(kind.module.LiquidPolicy, kind.env(), device="cpu")
    assert base.policy_aliases["LiquidPolicy"] is kind.theirs.LiquidPolicy


def test_batches_are_of_whole_sequences(kind: Kind) -> None:
    with pytest.raises(ValueError, match=r"got 4 and 18. batch_size=16 fits"):
        kind.make(batch_size=18)
    model = kind.algorithm("LiquidPolicy", kind.env(), 1e-3, 1000, 9, 64)
    assert (model.sequence_length, model.burn_in, model.batch_size) == (16, 20, 64)
    assert {network.n_neurons for network in networks_of(model).values()} == {150}


class Grouped(torch.optim.Adam):
    """Decays matrices alone, as many users have it."""

    def __init__(self, params: Any, **options: Any) -> None:
        parameters = list(params)
        matrices = [p for p in parameters if p.dim() > 1]
        others = [p for p in parameters if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": 1e-4}, {"params": others}]
        super().__init__(groups, **options)


def changed(model: Any, before: dict[str, torch.Tensor]) -> set[str]:
    now = dict(model.policy.named_parameters())
    return {name for name, p in before.items() if not torch.equal(p, now[name])}


def test_all_groups_of_an_optimizer_are_trained(kind: Kind) -> None:
    model = kind.make(policy_kwargs={"optimizer_class": Grouped})
    before = {name: p.clone() for name, p in model.policy.named_parameters()}
    model.learn(WARM_UP + 30)
    assert changed(model, before) == before.keys()


@pytest.mark.parametrize("frozen", ["inter", "motor", "actor"])
def test_frozen_parameters_stay_and_others_learn(kind: Kind, frozen: str) -> None:
    model = kind.make()
    for name, parameter in model.policy.named_parameters():
        parameter.requires_grad_(frozen not in name)
    before = {
        name: p.clone()
        for name, p in model.policy.named_parameters()
        if "target" not in name  # which follows
    }
    model.learn(WARM_UP + 30)
    assert changed(model, before) == {name for name in before if frozen not in name}
