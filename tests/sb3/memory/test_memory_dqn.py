"""What MemoryDQN replays, and what it learns from it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import OBSERVATIONS, make_env, sparse_layers
from recurrent_agents import SMALL_FEATURES, assert_same_weights, sequence
from replay_agents import KINDS, all_of, assert_met, collect, make_dqn
from torch import Tensor
from torch.nn import functional

from velora.sb3 import networks_of
from velora.sb3.memory_dqn import MemoryDQN

pytestmark = pytest.mark.usefixtures("toy_networks")

each_network = pytest.mark.parametrize(
    "network", ["gated-leaky", "test-pair", "test-learned", "lstm"]
)
each_head = pytest.mark.parametrize("head", [(20, 16), ()])


def slow_values(q_net: Any, data: Any, column: int, last: int, burn_in: int) -> Tensor:
    """Goes through a column step by step, (last, A); no gradient before `burn_in`."""
    body = q_net.q_net
    network, layers = body.memory.network, body.head or ()
    state = [part[column, None].double() for part in data.states]
    found = []
    for time in range(last):
        x = data.observations[time, column].double()
        if time == burn_in:
            state = [part.detach() for part in state]
        if data.starts[time, column]:
            state = [part.double() for part in body.memory.initial_state(1)]
        given = tuple(state) if body.memory.is_tuple else state[0]
        y, after = network.forward_sequence(
            x[None, None], given, resets=torch.zeros(1, 1, dtype=torch.bool)
        )
        state = list(after) if body.memory.is_tuple else [after]
        value = y[0, 0]
        if layers:
            value = torch.cat((value, x))
        for layer in layers:
            value = layer(value)
        found.append(value)
    return torch.stack(found)


def slow_loss(model: Any, q_net: Any, target: Any, data: Any) -> Tensor:
    """Computes the loss step by step, in float64."""
    burn_in, length = data.burn_in, len(data.rewards)
    n_steps, losses = burn_in + length, []
    with torch.no_grad():
        following = [
            slow_values(target, data, column, n_steps + 1, burn_in)
            for column in range(data.starts.shape[1])
        ]
    for column in range(data.n_columns):
        values = slow_values(q_net, data, column, n_steps, burn_in)
        for step in range(length):
            after = following[int(data.columns[step, column])][burn_in + step + 1]
            worth = data.rewards[step, column].double()
            if not data.dones[step, column]:
                worth = worth + model.gamma * after.max()
            value = values[burn_in + step, int(data.actions[step, column])]
            losses.append(functional.smooth_l1_loss(value, worth))
    return torch.stack(losses).mean()


@each_network
@each_head
@pytest.mark.parametrize("burn_in", [0, 3])
def test_loss_and_gradients_are_those_of_single_steps(
    network: str, head: Any, burn_in: int
) -> None:
    options = {"network": network, "head": head}
    model = make_dqn(policy_kwargs=options, burn_in=burn_in)
    model.learn(120)
    data = all_of(model)
    assert len(data.starts[0]) > data.n_columns
    assert data.dones.any()
    exact = copy.deepcopy(model.q_net).double()
    target = copy.deepcopy(model.q_net_target).double()
    behind = zip(exact.parameters(), target.parameters(), strict=True)
    assert not any(torch.equal(now, then) for now, then in behind)
    model.policy.zero_grad()
    loss, expected = model.loss(data), slow_loss(model, exact, target, data)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-6)
    loss.backward()
    expected.backward()
    for got, of in zip(model.q_net.parameters(), exact.parameters(), strict=True):
        assert (got.grad is None) == (of.grad is None)
        if of.grad is not None:
            torch.testing.assert_close(got.grad.double(), of.grad, rtol=1e-3, atol=1e-5)
    assert all(p.grad is None for p in model.q_net_target.parameters())


def test_gradients_flow_through_what_is_learned_from_alone() -> None:
    model = collect(make_dqn())
    data = all_of(model)
    obs = data.observations.clone().requires_grad_()
    states = tuple(part.clone().requires_grad_() for part in data.states)
    model.loss(data._replace(observations=obs, states=states)).backward()
    steps = obs.grad.abs().sum(dim=(1, 2)) > 0
    assert steps.tolist() == [False] * 3 + [True] * 4 + [False]
    assert all(part.grad is None for part in states)


def test_burn_in_from_an_episode_s_start_is_a_full_replay() -> None:
    model = make_dqn()
    model.learn(300)  # the states that were met are stale
    data = all_of(model)
    columns = data.starts[0, : data.n_columns].nonzero().flatten()
    assert len(columns) > 3
    obs, starts = data.between(0, None)
    with torch.no_grad():
        found = [
            model.q_net.over_time(
                obs[:, columns],
                starts[:, columns],
                tuple(change(part[columns]) for part in data.states),
            )[0]
            for change in (lambda part: part + 5, torch.zeros_like)  # stale, and fresh
        ]
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_actions_by_chance_drive_the_states(rate: float) -> None:
    rates = {"exploration_initial_eps": rate, "exploration_final_eps": rate}
    model = make_dqn(learning_starts=0, learning_rate=0.0, **rates)
    model.learn(240)
    data = all_of(model)
    assert_met(model, data)
    states = tuple(part[: data.n_columns] for part in data.states)
    values, _ = model.q_net.over_time(*data.between(0, -1), states)
    greedy = values[data.burn_in :].argmax(dim=2) == data.actions[..., 0]
    assert greedy.float().mean() == pytest.approx(1 - rate * 0.75, abs=0.12)


def test_predictions_by_chance_go_on_from_the_state() -> None:
    model = make_dqn()
    model.learn(120)
    obs = sequence(model, 1, 64)[0]
    model.exploration_rate = 1.0
    best, state = model.predict(obs, deterministic=True)
    again, _ = model.predict(obs, deterministic=True)
    drawn, after = model.predict(obs)
    np.testing.assert_array_equal(best, again)
    np.testing.assert_array_equal(state[0], after[0])
    assert drawn.shape == best.shape == (64,)
    assert (drawn != best).any()
    assert model.action_space.contains(model.predict(obs[0])[0])
    model.exploration_rate = 0.0
    np.testing.assert_array_equal(model.predict(obs)[0], best)


def test_target_moves_once_in_a_while() -> None:
    model = make_dqn(target_update_interval=60, tau=0.5)
    first = copy.deepcopy(model.q_net_target)
    model.learn(57)
    assert_same_weights(model.q_net_target, first)
    model.learn(180)
    moved = model.q_net_target.state_dict()
    assert not any(
        torch.equal(moved[name], part) for name, part in first.named_parameters()
    )


@pytest.mark.parametrize("observations", OBSERVATIONS)
@each_head
def test_agent_learns_and_obeys_its_wiring(observations: str, head: Any) -> None:
    def learned() -> Any:
        options = SMALL_FEATURES if observations == "image" else {}
        env = make_env(observations, "discrete")
        model = make_dqn(env, policy_kwargs=options | {"head": head})
        layers = sparse_layers(model.q_net)
        before = [layer.weight.detach().clone() for layer in layers]
        model.learn(100)
        return model, layers, before

    model, layers, before = learned()
    assert model.logger.name_to_value["train/loss"] > 0
    for layer, old in zip(layers, before, strict=True):
        assert (layer.weight != old)[layer.mask].any()
        assert not layer.weight[~layer.mask].any()
    assert_same_weights(learned()[0].policy, model.policy)


@each_head
def test_head_is_saved_with_the_agent(head: Any, tmp_path: Path) -> None:
    model = make_dqn(policy_kwargs={"head": head, "n_neurons": {"qf": 16}})
    model.learn(90)
    model.save(tmp_path / "agent")
    loaded = MemoryDQN.load(tmp_path / "agent", device="cpu")
    assert loaded.policy.head == head
    assert_same_weights(model.policy, loaded.policy)
    network = networks_of(loaded)["qf"]
    assert network.n_neurons == 16
    assert network.out_features == (64 if head else 4)  # all that is remembered, or Q


@pytest.mark.parametrize("head", [5, (20, 0), (1.5,), (True,), None])
def test_sizes_that_are_none_are_refused(head: Any) -> None:
    with pytest.raises(ValueError, match="`head` must be the sizes of some layers, or"):
        make_dqn(policy_kwargs={"head": head})


def test_actions_that_are_not_discrete_are_refused() -> None:
    with pytest.raises(AssertionError, match="only supports"):
        make_dqn(KINDS["MemorySAC"].env())
