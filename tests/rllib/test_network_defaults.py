from __future__ import annotations

from typing import Any

import pytest
import torch
from rllib_modules import module

from velora.models import NCPNetwork
from velora.wiring import Wiring


@pytest.mark.parametrize("network", ["ncp", "liquid"])
def test_an_actor_prefers_no_action_at_first_where_none_remembers(network: str) -> None:
    made = module(network, n_neurons=None)
    obs = torch.randn(1, 50, 4)
    inputs = made.forward_train({"obs": obs if made.is_stateful() else obs[0]})
    spread = inputs["action_dist_inputs"].std().item()
    assert (spread < 0.05) is (network == "ncp")


@pytest.mark.parametrize(
    ("given", "n_neurons", "activation", "init_type"),
    [
        ({}, 128, "tanh", "synaptic"),
        (dict(n_neurons=20), 20, "tanh", "synaptic"),
        (dict(init_type="orthogonal"), 128, "tanh", "orthogonal"),
        (dict(network_kwargs=dict(activation="mish")), 128, "mish", "synaptic"),
        (dict(network_kwargs=dict(wiring=Wiring(4, 30, 4))), 30, "tanh", "synaptic"),
    ],
    ids=["nothing", "size", "values", "activation", "wiring"],
)
def test_what_is_given_wins(
    given: dict[str, Any], n_neurons: int, activation: str, init_type: str
) -> None:
    made = module("ncp", **(dict(n_neurons=None, critic="shared") | given))
    network = made.actor.network
    assert isinstance(network, NCPNetwork)
    found = network.n_neurons, network.activation, network.inter.init_type
    assert found == (n_neurons, activation, init_type)


def test_a_critic_that_does_not_remember_has_its_own_size() -> None:
    sizes = dict(pi=10, vf=14)
    made = module("liquid", n_neurons=sizes, critic="feed-forward", init_type="sonar")
    assert (made.actor.network.n_neurons, made.critic.network.n_neurons) == (10, 14)
    assert made.critic.network.inter.init_type == "synaptic"
