"""Agents of MemoryPPO learn, in every space, and remember what they have to."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from agents import ACTIONS, OBSERVATIONS, make_env, sparse_layers
from gymnasium import spaces
from memory_agents import CRITICS, learn, make_model
from recurrent_agents import SMALL_FEATURES, assert_same_weights, follow, sequence
from stable_baselines3.common.env_util import make_vec_env

from velora.sb3 import MemoryPPO, evaluate_policy

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize("observations", OBSERVATIONS)
@pytest.mark.parametrize("actions", ACTIONS)
def test_agent_learns_and_obeys_its_wirings(observations: str, actions: str) -> None:
    options = SMALL_FEATURES if observations == "image" else {}

    def made() -> Any:
        # Masks have tests of their own; here their environment has always the same.
        return make_model(make_env(observations, actions), policy_kwargs=options)

    model = made()
    assert model.policy.masked == (actions != "box")
    layers = sparse_layers(model.policy)
    before = [layer.weight.detach().clone() for layer in layers]
    learn(model)
    for layer, old in zip(layers, before, strict=True):
        assert (layer.weight != old)[layer.mask].any()
        assert not layer.weight[~layer.mask].any()
    assert_same_weights(learn(made()).policy, model.policy)
    if actions == "box":
        taken, _ = follow(model, sequence(model, n_envs=1))
        assert all(action in model.action_space for (action,) in taken)


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", ["gated-leaky", "test-pair", "lstm"])
def test_each_loss_trains_the_networks_that_it_should(
    critic: str, network: str
) -> None:
    model = make_model(policy_kwargs={"critic": critic, "network": network})
    before = copy.deepcopy(model.policy.state_dict())
    learn(model)
    for name, weight in model.policy.named_parameters():
        assert not torch.equal(weight, before[name]), name
    (data,) = model.rollout_buffer.get()
    values, log_prob, _ = model.policy.evaluate_actions(data.observations, data.actions)
    for role, outcome in (("pi", log_prob), ("vf", values)):
        model.policy.zero_grad()
        outcome.sum().backward(retain_graph=True)
        for name, part in model.policy.networks.items():
            trained = {
                weight.grad is not None and bool(weight.grad.any())
                for weight in part.parameters()
            }
            assert trained == {name == role or critic == "shared"}


class Recall(gym.Env[Any, Any]):
    """Shows one of two cues at first, and rewards its repetition three steps later."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, **options: Any) -> Any:
        super().reset(seed=options.get("seed"))
        self.cue, self.time = int(self.np_random.integers(2)), 0
        return np.array([2 * self.cue - 1, 0], np.float32), {}

    def step(self, action: Any) -> Any:
        self.time += 1
        is_over = self.time == 4
        reward = float(is_over and action == self.cue)
        return np.array([0, self.time / 4], np.float32), reward, is_over, False, {}


@pytest.mark.parametrize("policy", ["LiquidPolicy", "LSTMPolicy", "GRUPolicy"])
def test_agent_remembers_what_it_saw(policy: str) -> None:
    model = MemoryPPO(
        policy,
        make_vec_env(Recall, 8, seed=0),
        learning_rate=1e-2,
        n_steps=16,
        batch_size=128,
        sequence_length=16,
        ent_coef=0.05,  # so that the end of an episode is found with any backend
        policy_kwargs={"n_neurons": 24},
        seed=0,
        device="cpu",
    )
    model.learn(12_000)
    env = make_vec_env(Recall, 8, seed=100)
    mean, _ = evaluate_policy(model, env, n_eval_episodes=64)
    assert mean > 0.95  # whoever forgets the cue has a half
