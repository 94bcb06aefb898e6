"""PPO and A2C with sparse and liquid actors and critics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from velora.models import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn import SparseLinear
from velora.sb3 import a2c, ppo

MakeAgent = Callable[..., Any]
MOTOR = {"box": 3, "discrete": 4, "multi_discrete": 5, "multi_binary": 5}
POLICIES = ["NCPPolicy", "LiquidPolicy"]

each_algorithm = pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
each_policy = pytest.mark.parametrize("policy", POLICIES)
each_actions = pytest.mark.parametrize("actions", MOTOR)


def sparse_layers(model: Any) -> list[SparseLinear]:
    return [m for m in model.policy.modules() if isinstance(m, SparseLinear)]


def observations(model: Any, n: int = 7) -> np.ndarray:
    shape = (n, *model.observation_space.shape)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@each_algorithm
@each_policy
@each_actions
def test_learning_moves_synapses_and_nothing_else(
    algorithm: str, policy: str, actions: str, make_agent: MakeAgent
) -> None:
    model = make_agent(algorithm, policy, actions)
    before = [layer.weight.detach().clone() for layer in sparse_layers(model)]
    model.learn(60)
    layers = sparse_layers(model)
    for layer, old in zip(layers, before, strict=True):
        change = layer.weight.detach() - old
        assert not change[layer.mask == 0].any()
        assert change.any()


@each_algorithm
@each_policy
@each_actions
def test_motor_neurons_are_the_actions(
    algorithm: str, policy: str, actions: str, make_agent: MakeAgent
) -> None:
    model = make_agent(algorithm, policy, actions)
    networks = model.policy.networks
    expected = NCPNetwork if policy == "NCPPolicy" else LiquidNCPNetwork
    assert all(type(network) is expected for network in networks.values())
    assert networks["pi"].counts.motor == MOTOR[actions]
    assert networks["vf"].counts.motor == 1
    assert not any(isinstance(m, nn.Linear) for m in model.policy.modules())


@each_policy
def test_masked_weights_never_reach_the_action(
    policy: str, make_agent: MakeAgent
) -> None:
    model = make_agent("ppo", policy, "box").learn(40)
    obs = observations(model)
    before, _ = model.predict(obs, deterministic=True)
    for layer in sparse_layers(model):
        noise = torch.randn_like(layer.weight) * 100
        layer.weight.data.add_(noise * (layer.mask == 0))
    after, _ = model.predict(obs, deterministic=True)
    np.testing.assert_array_equal(before, after)


@each_policy
def test_actor_and_critic_have_wirings_of_their_own(
    policy: str, make_agent: MakeAgent
) -> None:
    model = make_agent(policy=policy, policy_kwargs={"n_neurons": {"pi": 20, "vf": 30}})
    actor, critic = model.policy.networks["pi"], model.policy.networks["vf"]
    assert (actor.n_neurons, critic.n_neurons) == (20, 30)
    twin = make_agent(policy=policy, policy_kwargs={"n_neurons": 20})
    actor, critic = twin.policy.networks["pi"], twin.policy.networks["vf"]
    assert not torch.equal(actor.masks.inter, critic.masks.inter)


@each_algorithm
@each_policy
def test_same_seed_gives_same_weights_and_rollouts(
    algorithm: str, policy: str, make_agent: MakeAgent
) -> None:
    twins = [make_agent(algorithm, policy).learn(60) for _ in range(2)]
    states = [twin.policy.state_dict() for twin in twins]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    first, second = (twin.rollout_buffer for twin in twins)
    np.testing.assert_array_equal(first.observations, second.observations)
    np.testing.assert_array_equal(first.actions, second.actions)


@each_algorithm
@each_policy
def test_deterministic_predictions_repeat(
    algorithm: str, policy: str, make_agent: MakeAgent
) -> None:
    model = make_agent(algorithm, policy)
    obs = observations(model)
    first, _ = model.predict(obs, deterministic=True)
    second, _ = model.predict(obs, deterministic=True)
    np.testing.assert_array_equal(first, second)


@each_algorithm
@each_policy
def test_recorded_log_probabilities_are_those_evaluated(
    algorithm: str, policy: str, make_agent: MakeAgent
) -> None:
    model = make_agent(algorithm, policy)
    obs = torch.as_tensor(observations(model))
    actions, values, log_prob = model.policy(obs)
    again, evaluated, entropy = model.policy.evaluate_actions(obs, actions)
    torch.testing.assert_close(again, values)
    torch.testing.assert_close(evaluated, log_prob)
    torch.testing.assert_close(model.policy.predict_values(obs), values)
    assert entropy.shape == (7,)


@each_algorithm
@each_policy
def test_gsde_explores_with_noise_of_the_state(
    algorithm: str, policy: str, make_agent: MakeAgent
) -> None:
    model = make_agent(algorithm, policy, "box", use_sde=True, sde_sample_freq=4)
    assert model.policy.log_std.shape == (6, 3)
    model.learn(60)
    obs = observations(model)
    calm, _ = model.predict(obs, deterministic=True)
    noisy, _ = model.predict(obs, deterministic=False)
    repeated, _ = model.predict(obs, deterministic=False)
    assert not np.allclose(calm, noisy)
    np.testing.assert_array_equal(noisy, repeated)  # until the noise is reset


def test_log_std_init_is_obeyed(make_agent: MakeAgent) -> None:
    model = make_agent(actions="box", policy_kwargs={"log_std_init": -1.5})
    assert model.policy.log_std.tolist() == [-1.5] * 3


def test_optimizer_and_unshared_extractors_are_obeyed(make_agent: MakeAgent) -> None:
    options = {
        "optimizer_class": torch.optim.SGD,
        "optimizer_kwargs": {"momentum": 0.5},
        "share_features_extractor": False,
    }
    policy = make_agent(policy_kwargs=options).learn(20).policy
    assert isinstance(policy.optimizer, torch.optim.SGD)
    assert policy.pi_features_extractor is not policy.vf_features_extractor


@pytest.mark.parametrize("module", [ppo, a2c])
def test_policies_are_passed_by_class_too(
    module: Any, make_env: Callable[..., Any]
) -> None:
    algorithm = {ppo: "PPO", a2c: "A2C"}[module]
    model = getattr(module, algorithm)(module.NCPPolicy, make_env(), n_steps=64)
    assert isinstance(model.policy, module.NCPPolicy)
