"""What MemoryDQN replays, and what it learns from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import OBSERVATIONS, make_env, sparse_layers
from recurrent_agents import SMALL_FEATURES, assert_same_weights, sequence
from replay_agents import Recall, all_of, collect, make_dqn
from stable_baselines3.common.env_util import make_vec_env
from torch.nn import functional

from velora.sb3 import evaluate_policy

pytestmark = pytest.mark.usefixtures("toy_networks")

each_network = pytest.mark.parametrize(
    "network", ["gated-leaky", "liquid", "test-pair", "test-learned", "lstm"]
)


def slow_loss(model: Any, data: Any) -> Any:
    """Computes the loss step by step, sequence by sequence."""

    def step(q_net: Any, time: int, column: int, state: Any, *, goes_on: bool) -> Any:
        obs = data.observations[time, column][None, None]
        starts = data.starts[time, column].view(1, 1) & (not goes_on)
        values, after = q_net.over_time(obs, starts, state)
        return values[0, 0], after

    losses, burn_in = [], data.burn_in
    for column in range(data.n_columns):
        state = target_state = tuple(part[column : column + 1] for part in data.states)
        for time in range(len(data.starts) - 1):
            values, state = step(model.q_net, time, column, state, goes_on=False)
            _, target_state = step(
                model.q_net_target, time, column, target_state, goes_on=False
            )
            if time < burn_in:
                state = tuple(part.detach() for part in state)
                continue
            learned = time - burn_in
            reward, done = data.rewards[learned, column], data.dones[learned, column]
            worth = torch.zeros(())
            if not done:
                # The true last observation, which is in the column of the copy.
                following = int(data.columns[learned, column])
                next_values, _ = step(
                    model.q_net_target, time + 1, following, target_state, goes_on=True
                )
                worth = next_values.max().detach()
            value = values[int(data.actions[learned, column])]
            target = reward + model.gamma * worth
            losses.append(functional.smooth_l1_loss(value, target))
    return torch.stack(losses).mean()


@each_network
@pytest.mark.parametrize("burn_in", [0, 3])
def test_loss_and_gradients_are_those_of_single_steps(
    network: str, burn_in: int
) -> None:
    model = make_dqn(policy_kwargs={"network": network}, burn_in=burn_in, gamma=0.9)
    model.learn(200)  # the target lags behind
    data = all_of(model)
    assert len(data.starts[0]) > data.n_columns  # some episodes were cut off
    assert data.dones.any()
    found = []
    for compute in (model.loss, lambda data: slow_loss(model, data)):
        model.policy.zero_grad()
        loss = compute(data)
        loss.backward()
        gradients = [
            p.grad.clone() for p in model.q_net.parameters() if p.requires_grad
        ]
        found.append((loss, *gradients))
        assert all(p.grad is None for p in model.q_net_target.parameters())
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


def test_gradients_flow_through_what_is_learned_from_alone() -> None:
    model = collect(make_dqn())
    data = all_of(model)
    data = data._replace(
        observations=data.observations.clone().requires_grad_(),
        states=tuple(part.clone().requires_grad_() for part in data.states),
    )
    model.loss(data).backward()
    steps = data.observations.grad.abs().sum(dim=(1, 2)) > 0
    assert steps.tolist() == [False] * 3 + [True] * 4 + [False]
    assert all(part.grad is None for part in data.states)


def test_burn_in_from_an_episode_s_start_is_a_full_replay() -> None:
    model = make_dqn()
    model.learn(300)  # the states that were met are stale
    data = all_of(model)
    columns = data.starts[0, : data.n_columns].nonzero().flatten()
    assert len(columns) > 3
    obs, starts = data.between(0, None)
    stale = tuple(part[columns] + 5 for part in data.states)
    fresh = tuple(part[columns] * 0 for part in data.states)
    with torch.no_grad():
        replayed, _ = model.q_net.over_time(obs[:, columns], starts[:, columns], stale)
        full, _ = model.q_net.over_time(obs[:, columns], starts[:, columns], fresh)
    torch.testing.assert_close(replayed, full)


def test_actions_by_chance_bring_the_state_on() -> None:
    met = []
    for options in (
        {"learning_starts": 10**6},  # warm-up
        {"learning_starts": 0, "exploration_initial_eps": 1.0},
        {"learning_starts": 0, "exploration_initial_eps": 0.0},
    ):
        # Observations are of the environment's own draws, whatever is done.
        model = make_dqn(**options, exploration_final_eps=1.0, gradient_steps=0)
        if "exploration_initial_eps" in options:
            model.exploration_rate = options["exploration_initial_eps"]
        model.learn(60, reset_num_timesteps=False)
        met.append(model.replay_buffer.states[0][:10])
        assert met[-1].any()
        np.testing.assert_array_equal(met[-1], met[0])


@pytest.mark.parametrize("observations", OBSERVATIONS)
def test_agent_learns_and_obeys_its_wirings(observations: str) -> None:
    def learned() -> Any:
        options = SMALL_FEATURES if observations == "image" else {}
        model = make_dqn(make_env(observations, "discrete"), policy_kwargs=options)
        before = [layer.weight.detach().clone() for layer in sparse_layers(model.q_net)]
        model.learn(100)
        return model, before

    model, before = learned()
    for layer, old in zip(sparse_layers(model.q_net), before, strict=True):
        assert (layer.weight != old)[layer.mask].any()
        assert not layer.weight[~layer.mask].any()
    assert_same_weights(learned()[0].policy, model.policy)


def test_predictions_by_chance_bring_the_state_on() -> None:
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


def test_losses_and_exploration_are_logged_and_more_is_dqn_s() -> None:
    model = make_dqn(max_grad_norm=0.1, tau=0.5, target_update_interval=9)
    model.learn(120)
    log = model.logger.name_to_value
    assert log["train/loss"] > 0
    assert model.exploration_rate == pytest.approx(0.05)
    both = zip(model.q_net.parameters(), model.q_net_target.parameters(), strict=True)
    assert any(not torch.equal(mine, target) for mine, target in both)


def test_learns_what_was_shown_three_steps_ago() -> None:
    env = make_vec_env(Recall, 4, seed=1)
    model = make_dqn(
        env,
        buffer_size=4000,
        batch_size=64,
        target_update_interval=40,
        exploration_fraction=0.5,
        train_freq=2,
        learning_rate=5e-3,
    )
    model.learn(4000)
    mean, _ = evaluate_policy(model, env, 40, warn=False)
    assert mean > 0.95
