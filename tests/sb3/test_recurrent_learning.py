"""An agent of RecurrentPPO learns, obeys its wirings, and is what it seems."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import ACTIONS, OBSERVATIONS, make_env, sparse_layers
from recurrent_agents import (
    CRITICS,
    SMALL_FEATURES,
    assert_same_behaviour,
    assert_same_weights,
    each_critic,
    each_network,
    evaluate,
    follow,
    learn,
    make_model,
    sequence,
)
from sb3_contrib import RecurrentPPO
from torch import nn

from velora.models import GatedLeakyNCPNetwork, NCPNetwork

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize("observations", OBSERVATIONS)
@pytest.mark.parametrize("actions", ACTIONS)
def test_agent_learns_obeys_its_wirings_and_is_saved(
    observations: str, actions: str, tmp_path: Path
) -> None:
    options = SMALL_FEATURES if observations == "image" else {}
    model = make_model(make_env(observations, actions), policy_kwargs=options)
    layers = sparse_layers(model.policy)
    before = [layer.weight.detach().clone() for layer in layers]
    learn(model)
    for layer, old in zip(layers, before, strict=True):
        assert (layer.weight != old)[layer.mask != 0].any()
        assert not layer.weight[layer.mask == 0].any()
    assert_same_behaviour(model, model)
    twin = make_model(make_env(observations, actions), policy_kwargs=options)
    assert_same_weights(learn(twin).policy, model.policy)

    model.save(tmp_path / "agent.zip")
    torch.manual_seed(99)  # loading builds other wirings first
    loaded: Any = RecurrentPPO.load(tmp_path / "agent.zip", device="cpu")
    assert_same_behaviour(model, loaded)
    for role, network in model.policy.networks.items():
        assert loaded.policy.networks[role].wiring == network.wiring


@each_critic
@each_network
def test_each_loss_trains_the_networks_that_it_should(
    critic: str, network: str
) -> None:
    model = make_model(policy_kwargs=CRITICS[critic] | {"network": network})
    before = copy.deepcopy(model.policy.state_dict())
    learn(model)
    for name, weight in model.policy.named_parameters():
        assert not torch.equal(weight, before[name]), name
    data = next(model.rollout_buffer.get(40))
    for role, outcome in zip(("pi", "vf"), evaluate(model, data), strict=True):
        model.policy.zero_grad()
        outcome.sum().backward(retain_graph=True)
        for name, part in model.policy.networks.items():
            grads = [weight.grad for weight in part.parameters()]
            trained = {grad is not None and bool(grad.any()) for grad in grads}
            assert trained == {name == role or critic == "shared"}
        if critic == "shared":
            motor = getattr(part, "motor" if hasattr(part, "motor") else "out")
            rows = motor.weight.grad.any(dim=1).tolist()
            assert rows == [role == "pi"] * 3 + [role == "vf"]


@each_critic
def test_masked_weights_have_no_effect_whatever_is_written_there(critic: str) -> None:
    model = learn(make_model(policy_kwargs=CRITICS[critic]))
    obs, data = sequence(model), next(model.rollout_buffer.get(40))
    (actions, state), evaluated = follow(model, obs), evaluate(model, data)
    for layer in sparse_layers(model.policy):
        layer.weight.data += 10 * torch.randn_like(layer.weight) * (layer.mask == 0)
    assert model.policy.networks["pi"].inter.weight.abs().max() > 5
    noisy, after = follow(model, obs)
    np.testing.assert_array_equal(noisy, actions)
    np.testing.assert_array_equal(after, state)
    torch.testing.assert_close(evaluate(model, data), evaluated)


@each_critic
def test_critic_is_the_network_that_was_asked_for(critic: str) -> None:
    policy = make_model(policy_kwargs=CRITICS[critic]).policy
    pi, vf = policy.networks["pi"], policy.networks.get("vf")
    assert type(pi) is GatedLeakyNCPNetwork
    if critic == "shared":
        assert (pi.out_features, vf) == (4, None)
        return
    assert type(vf) is (GatedLeakyNCPNetwork if critic == "separate" else NCPNetwork)
    assert (pi.out_features, vf.out_features) == (3, 1)
    assert not torch.equal(pi.masks.inter, vf.masks.inter)


@pytest.mark.parametrize("sizes", [{"pi": 13, "vf": 20}, {"pi": 20, "vf": 13}])
def test_networks_are_as_they_were_asked_for(sizes: dict[str, int]) -> None:
    options = {"n_neurons": sizes, "init_type": "zero"}
    policy, dense = (
        make_model(policy_kwargs=options | {"sparsity_level": level}).policy
        for level in (0.9, 0.1)
    )
    for role, network in policy.networks.items():
        assert network.n_neurons == sizes[role]
        assert network.active_params < dense.networks[role].active_params
        assert not any(layer.weight.any() for layer in sparse_layers(network))
    _, state = policy.predict(sequence(policy, 1)[0])
    assert [part.shape for part in state] == [(3, int(0.4 * sizes["pi"]))]


def test_optimizer_trains_all_parameters_and_no_others() -> None:
    options = {
        "optimizer_class": torch.optim.SGD,
        "optimizer_kwargs": {"momentum": 0.5},
    }
    policy = learn(make_model(policy_kwargs=options)).policy
    (group,) = policy.optimizer.param_groups
    assert isinstance(policy.optimizer, torch.optim.SGD)
    assert group["momentum"] == 0.5
    parts = nn.ModuleList(policy.networks.values())
    assert set(group["params"]) == {policy.log_std, *parts.parameters()}
