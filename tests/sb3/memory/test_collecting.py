"""Collecting: which steps are taken, with which weights, and what ends a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from memory_agents import learn, make_model, on_train, ragged
from recurrent_agents import TIMED
from stable_baselines3.common.callbacks import BaseCallback, StopTrainingOnMaxEpisodes
from torch import nn

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize(
    "options",
    [
        {"network": "gated-leaky"},
        {"network": "liquid", "timespan_key": "dt"},
        {"network": "test-pair"},
        {"network": "lstm"},
        {"network_kwargs": {"norm": nn.LayerNorm}},
    ],
    ids=str,
)
def test_each_rollout_acts_with_the_weights_of_now(options: Any) -> None:
    env = ragged(TIMED) if "timespan_key" in options else ragged()
    options = options | {"log_std_init": -20.0}  # so that actions are the means
    model = make_model(env, policy_kwargs=options)
    compared = []

    @torch.no_grad()
    def check_and_change() -> None:
        rollout = model.rollout_buffer
        all_steps = rollout.between(0, 24, rollout.chunk_states[0])
        means = model.policy.think(all_steps)[0].mode().view(24, 3, -1)
        np.testing.assert_allclose(rollout.actions, means, rtol=1e-4, atol=1e-5)
        compared.append(means)
        for parameter in model.policy.actor.parameters():
            parameter.add_(torch.randn_like(parameter))

    model.train = check_and_change
    learn(model, 3)
    assert len(compared) == 3


@pytest.mark.parametrize("network", ["gated-leaky", "liquid"])
def test_a_network_that_is_hooked_is_called_at_each_step(network: str) -> None:
    model = make_model(policy_kwargs={"network": network})
    calls: list[int] = []
    motor = model.policy.networks["pi"].motor
    motor.register_forward_hook(lambda *_: calls.append(1))
    counts: list[int] = []
    on_train(model, lambda: counts.append(len(calls)))
    learn(model, 1)
    assert counts[0] > 24


@pytest.mark.parametrize("network", ["gated-leaky", "liquid"])
def test_frozen_steps_are_the_steps_of_the_network(network: str) -> None:
    actions = []
    for is_hooked in (False, True):
        model = make_model(policy_kwargs={"network": network})
        if is_hooked:
            model.policy.networks["pi"].motor.register_forward_hook(lambda *_: None)
        actions.append(learn(model, 1).rollout_buffer.actions)
    np.testing.assert_allclose(*actions, atol=1e-5)


def test_state_ends_with_an_episode_before_the_next_step() -> None:
    model = make_model(sequence_length=1, n_steps=24, batch_size=24)

    def check() -> None:
        rollout = model.rollout_buffer
        first = rollout.between(0, 1, rollout.chunk_states[0])
        assert first.starts.shape == (1, 3)
        for step in range(1, 24):
            # Where an episode starts, another state before it changes nothing.
            states = rollout.chunk_states[step]
            other = type(states)(*(tuple(p + 1 for p in s) for s in states))
            found = [
                model.policy.think(rollout.between(step, step + 1, each))[1]
                for each in (states, other)
            ]
            starts = torch.as_tensor(rollout.episode_starts[step] != 0)
            same = torch.isclose(*found, atol=1e-6)
            assert same[starts].all()
            assert not same[~starts].any()

    on_train(model, check)
    learn(model, 2)


def test_learning_that_resets_without_a_done_begins_an_episode() -> None:
    model = learn(make_model(n_epochs=1), 1)
    assert model._states.pi[0].any()
    starts: list[Any] = []
    on_train(model, lambda: starts.append(model.rollout_buffer.episode_starts[0]))
    learn(model, 1)
    assert starts[0].all()


class Stop(BaseCallback):
    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def _on_step(self) -> bool:
        return self.n_calls < self.after


def test_learning_goes_on_from_new_episodes_after_a_callback_stopped_it() -> None:
    model = make_model()
    model.learn(72, callback=Stop(7))
    assert model._states is None
    starts: list[Any] = []
    on_train(model, lambda: starts.append(model.rollout_buffer.episode_starts[0]))
    model.learn(72, reset_num_timesteps=False)
    assert starts[0].all()
    model.learn(72, callback=StopTrainingOnMaxEpisodes(4))
    assert learn(model).num_timesteps == 144


def test_callbacks_see_what_they_see_of_ppo() -> None:
    seen: set[str] = set()

    class Look(BaseCallback):
        def _on_step(self) -> bool:
            seen.update(self.locals)
            return True

    model = make_model()
    model.learn(72, callback=Look())
    names = "actions clipped_actions dones infos new_obs obs_tensor rewards n_steps env"
    assert seen >= set(names.split())


def test_the_same_seed_makes_the_same_agent() -> None:
    weights = [
        nn.utils.parameters_to_vector(learn(make_model(seed=5)).policy.parameters())
        for _ in range(2)
    ]
    other = learn(make_model(seed=6)).policy.parameters()
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], nn.utils.parameters_to_vector(other))
