"""What MemorySAC replays, and what it learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import OBSERVATIONS, make_env, sparse_layers
from memory_agents import ragged
from recurrent_agents import (
    IMAGE,
    SMALL_FEATURES,
    assert_same_weights,
    sequence,
)
from replay_agents import all_of, assert_met, collect, make_sac
from stable_baselines3.common.noise import NormalActionNoise
from torch.nn import functional

from velora.sb3 import networks_of
from velora.sb3.memory_sac import MemorySAC

pytestmark = pytest.mark.usefixtures("toy_networks")

each_network = pytest.mark.parametrize(
    "network", ["gated-leaky", "test-pair", "test-learned", "lstm"]
)


def test_noise_is_part_of_the_actions_that_drive_the_states() -> None:
    model = make_sac(action_noise=NormalActionNoise(np.zeros(3), np.ones(3)))
    model.learning_starts = model.gradient_steps = 0
    model.learn(150)
    assert_met(model, all_of(model))


def slow_losses(model: Any, data: Any) -> dict[str, Any]:
    """Computes the losses from single steps; draws as the fast ones do."""
    burn_in, length = data.burn_in, len(data.rewards)
    n_columns, n_all = data.n_columns, data.starts.shape[1]

    def outputs(critic: Any, *, is_target: bool, columns: int) -> Any:
        motors, knowns = [], []
        for column in range(columns):
            row = tuple(part[column : column + 1] for part in data.states)
            pi, *qf = model.policy.split(row)
            motor, known = [], []
            for time in range(burn_in + length + is_target):
                if time == burn_in and not is_target:
                    pi = tuple(part.detach() for part in pi)
                    qf = [tuple(part.detach() for part in state) for state in qf]
                at = slice(time, time + 1), slice(column, column + 1)
                obs, starts = data.observations[at], data.starts[at]
                y, pi = model.actor.over_time(obs, starts, pi)
                motor.append(y)
                y, qf = critic.remember(obs, starts, data.previous[at], qf)
                known.append(y)
            motors.append(torch.cat(motor)[-length:])
            knowns.append(torch.cat(known, dim=1)[:, -length:])
        return torch.cat(motors, dim=1), torch.cat(knowns, dim=2)

    with torch.no_grad():
        motor, known = outputs(model.critic_target, is_target=True, columns=n_all)
        next_actions, next_log_prob = model.actor.draw(motor)
        values = model.critic_target.values(known, next_actions)
        ent_coef = model.log_ent_coef.exp().detach()
        worth = values.min(dim=0).values - ent_coef * next_log_prob
        targets = torch.empty_like(data.rewards)
        for step in range(length):
            for column in range(n_columns):
                following = int(data.columns[step, column])
                goes_on = 1 - data.dones[step, column]
                targets[step, column] = (
                    data.rewards[step, column]
                    + goes_on * model.gamma * worth[step, following]
                )
    motor, known = outputs(model.critic, is_target=False, columns=n_columns)
    actions, log_prob = model.actor.draw(motor)
    critic_loss = sum(
        0.5 * functional.mse_loss(value, targets)
        for value in model.critic.values(known, data.actions)
    )
    asked = model.critic.values(known.detach(), actions).min(dim=0).values
    return {
        "actor_loss": (ent_coef * log_prob - asked).mean(),
        "critic_loss": critic_loss,
    }


@each_network
@pytest.mark.parametrize("burn_in", [0, 3])
def test_losses_and_gradients_are_those_of_single_steps(
    network: str, burn_in: int
) -> None:
    model = make_sac(policy_kwargs={"network": network}, burn_in=burn_in, tau=0.1)
    model.learn(120)
    data = all_of(model)
    assert len(data.starts[0]) > data.n_columns
    assert data.dones.any()
    found = []
    for compute in (model.losses, lambda data: slow_losses(model, data)):
        torch.manual_seed(3)
        losses = compute(data)
        gradients = []
        for part, name in ((model.actor, "actor_loss"), (model.critic, "critic_loss")):
            trained = [p for p in part.parameters() if p.requires_grad]
            gradients += torch.autograd.grad(losses[name], trained, retain_graph=True)
        found.append((losses["actor_loss"], losses["critic_loss"], *gradients))
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


def test_gradients_flow_through_what_is_learned_from_alone() -> None:
    model = collect(make_sac())
    data = all_of(model)
    learned = [False] * 3 + [True] * 4 + [False]
    for name in ("actor_loss", "critic_loss"):
        obs = data.observations.clone().requires_grad_()
        states = tuple(part.clone().requires_grad_() for part in data.states)
        model.losses(data._replace(observations=obs, states=states))[name].backward()
        steps = obs.grad.abs().sum(dim=(1, 2)) > 0
        assert steps.tolist() == learned
        assert all(part.grad is None for part in states)


def test_burn_in_from_an_episode_s_start_is_a_full_replay() -> None:
    model = make_sac()
    model.learn(300)  # the states that were met are stale
    data = all_of(model)
    columns = data.starts[0, : data.n_columns].nonzero().flatten()
    assert len(columns) > 3
    obs, starts = data.between(0, None)
    found = []
    for change in (lambda part: part + 5, torch.zeros_like):  # stale, and fresh
        pi, *qf = model.policy.split(
            tuple(change(part[columns]) for part in data.states)
        )
        steps = obs[:, columns], starts[:, columns]
        with torch.no_grad():
            motor, _ = model.actor.over_time(*steps, pi)
            known, _ = model.critic.remember(*steps, data.previous[:, columns], qf)
        found.append((motor, known))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("observations", OBSERVATIONS)
def test_agent_learns_and_obeys_its_wirings(observations: str) -> None:
    def learned() -> Any:
        options = SMALL_FEATURES if observations == "image" else {}
        model = make_sac(make_env(observations, "box"), policy_kwargs=options)
        layers = [*sparse_layers(model.actor), *sparse_layers(model.critic)]
        before = [layer.weight.detach().clone() for layer in layers]
        model.learn(100)
        return model, layers, before

    model, layers, before = learned()
    for layer, old in zip(layers, before, strict=True):
        assert (layer.weight != old)[layer.mask].any()
        assert not layer.weight[~layer.mask].any()
    assert_same_weights(learned()[0].policy, model.policy)


def test_log_probability_is_of_the_action_before_it_was_squashed() -> None:
    model = make_sac()
    motor = torch.randn(5, 4, 6) + 3  # far out, where tanh has lost the digits
    actions, log_prob = model.actor.draw(motor)
    assert actions.shape == (5, 4, 3)
    means, log_std = motor.double().chunk(2, dim=2)
    torch.manual_seed(0)
    _, got = model.actor.draw(motor)
    torch.manual_seed(0)
    noise = torch.randn(20, 3).view(5, 4, 3).double()
    raw = means + noise * log_std.clamp(-20, 2).exp()
    normal = torch.distributions.Normal(means, log_std.clamp(-20, 2).exp())
    expected = normal.log_prob(raw) - torch.log(1 - raw.tanh() ** 2 + 1e-6)
    torch.testing.assert_close(got.double(), expected.sum(dim=2), rtol=1e-3, atol=0.2)
    assert log_prob.shape == (5, 4)


@pytest.mark.parametrize("is_shared", [False, True])
def test_images_and_shared_extractors_learn(is_shared: bool) -> None:
    options = {"share_features_extractor": is_shared, "normalize_images": False}
    options |= SMALL_FEATURES
    model = make_sac(ragged(IMAGE), policy_kwargs=options)
    before = [p.clone() for p in model.policy.parameters()]
    model.learn(90)
    changed = [
        not torch.equal(old, new)
        for old, new in zip(before, model.policy.parameters(), strict=True)
    ]
    assert sum(changed) > 0.8 * len(changed)
    assert model.logger.name_to_value["train/critic_loss"] > 0


@pytest.mark.parametrize("ent_coef", ["auto_0.5", 0.2])
def test_entropy_s_worth_is_learned_or_given(ent_coef: Any) -> None:
    model = make_sac(ent_coef=ent_coef)
    model.learn(120)
    log = model.logger.name_to_value
    assert ("train/ent_coef_loss" in log) == (ent_coef != 0.2)
    assert (log["train/ent_coef"] == pytest.approx(0.2)) == (ent_coef == 0.2)


def test_predictions_are_drawn_unless_they_are_the_likeliest() -> None:
    model = make_sac()
    model.learn(120)
    obs = sequence(model, 1)[0]
    assert sorted(networks_of(model)) == ["pi", "qf0", "qf1"]
    drawn = [model.predict(obs)[0] for _ in range(2)]
    assert not np.allclose(*drawn)
    likeliest = [model.predict(obs, deterministic=True)[0] for _ in range(2)]
    np.testing.assert_array_equal(*likeliest)


def test_sizes_of_critics_are_saved_with_the_agent(tmp_path: Path) -> None:
    options = {"head": (20, 16), "n_neurons": {"pi": 12, "qf": 16}}
    model = make_sac(policy_kwargs=options)
    model.save(tmp_path / "agent")
    loaded = MemorySAC.load(tmp_path / "agent", device="cpu")
    assert loaded.policy.head == (20, 16)
    assert networks_of(loaded)["qf1"].n_neurons == 16
    assert_same_weights(model.policy, loaded.policy)


def test_what_does_not_fit_is_refused() -> None:
    for head in ((), 5, (20, 0), (20, 1.5), "no"):
        with pytest.raises(ValueError, match="`head` must be the sizes of a layer or"):
            make_sac(policy_kwargs={"head": head})
    with pytest.raises(ValueError, match="`use_sde` must be False with MemorySAC"):
        make_sac(use_sde=True)
