"""Who asks for dense layers that cannot be is told which sizes are about as large."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import torch
from agents import ALGORITHMS, make_agent
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from torch import nn

from velora.plugins import networks
from velora.sb3 import MemoryPPO
from velora.sb3.common.dense_layers import comparable_neurons, refusal
from velora.sb3.common.network_choice import NetworkChoice
from velora.utils import active_parameters

FLAT = spaces.Box(-1, 1, (6,))
ACTIONS = spaces.Discrete(4)


def dense(n_inputs: int, *layers: int) -> int:
    return sum(
        (before + 1) * after
        for before, after in zip((n_inputs, *layers), layers, strict=False)
    )


def advised(message: str, words: str = "has about as many") -> Any:
    (found,) = re.findall(rf"n_neurons=(\{{.*?\}}|\d+) {words}", message)
    return ast.literal_eval(found)


@pytest.mark.parametrize(
    ("words", "share"), [("has about as many", 1.0), ("half of them", 0.5)]
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_advice_builds_a_policy_about_as_large(
    algorithm: str, words: str, share: float
) -> None:
    layers, liquid = [64, 64], "LiquidPolicy"
    with pytest.raises(ValueError, match="`net_arch`") as error:
        make_agent(algorithm, liquid, "flat", policy_kwargs={"net_arch": layers})
    n_neurons = advised(str(error.value), words)
    options: dict[str, Any] = {"policy_kwargs": {"n_neurons": n_neurons}}
    with pytest.warns(UserWarning, match="no memory"):
        model = make_agent(algorithm, liquid, "flat", **options)
    for network in model.policy.networks.values():
        size = dense(network.in_features, *layers, network.out_features)
        assert active_parameters(network) == pytest.approx(share * size, rel=0.15)


@pytest.mark.parametrize("sparsity_level", [None, 0.1, 0.9])
@pytest.mark.parametrize("layers", [[32], [64, 64], [256, 256], [512, 512, 512]])
@pytest.mark.parametrize("network", ["ncp", "liquid"])
def test_networks_are_compared_by_their_synapses(
    network: str, layers: list[int], sparsity_level: float | None
) -> None:
    choice = NetworkChoice(network, sparsity_level=sparsity_level)
    n_neurons = comparable_neurons(layers, choice, 6, 4)
    assert isinstance(n_neurons, int)
    options = {"n_neurons": n_neurons} | choice.options("pi")
    built = networks()[network].build(6, 4, **options)
    size = dense(6, *layers, 4)
    assert active_parameters(built) == pytest.approx(size, rel=0.1, abs=60)


def test_advice_for_layers_of_each_role_has_neurons_of_each_role() -> None:
    layers = {"pi": [64, 64], "vf": [256, 256]}
    with pytest.raises(ValueError, match="`net_arch`") as error:
        make_agent(policy="LiquidPolicy", policy_kwargs={"net_arch": layers})
    sizes = advised(str(error.value))
    assert sizes.keys() == {"pi", "vf"}
    assert 1 < sizes["pi"] < sizes["vf"]
    make_agent(policy="LiquidPolicy", policy_kwargs={"n_neurons": sizes})
    same = {"pi": [64, 64], "vf": [64, 64]}
    alike = comparable_neurons(same, NetworkChoice("liquid"), 6, 3)
    assert isinstance(alike, int)


def test_random_numbers_are_left_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    refusal("net_arch", [64, 64], NetworkChoice("liquid"), FLAT, ACTIONS)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "observations",
    [
        spaces.Box(0, 255, (3, 64, 64), dtype="uint8"),
        spaces.Dict(a=FLAT, b=spaces.Box(0, 255, (3, 64, 64), dtype="uint8")),
        spaces.MultiDiscrete([3, 2]),
    ],
)
def test_every_observation_gets_advice(observations: spaces.Space[Any]) -> None:
    choice = NetworkChoice("liquid")
    message = refusal("net_arch", [256, 256], choice, observations, ACTIONS)
    assert 200 < advised(message) < 2000


@pytest.mark.parametrize(
    "layers", [[], {}, {"pi": [], "vf": [8]}, [{"pi": [8]}], ["small"], "small", 64]
)
def test_what_are_no_sizes_of_layers_gets_no_advice(layers: Any) -> None:
    message = refusal("net_arch", layers, NetworkChoice("liquid"), FLAT, ACTIONS)
    assert message.startswith("`net_arch` describes layers")
    assert "about as many" not in message


def test_network_whose_size_is_not_free_gets_no_advice() -> None:
    fixed = NetworkChoice("liquid", network_kwargs={"n_neurons": 8})
    networks().add("test-linear", lambda i, o, **_: nn.Linear(i, o), override=True)
    for choice in (fixed, NetworkChoice("test-linear")):
        message = refusal("net_arch", [64, 64], choice, FLAT, ACTIONS)
        assert "about as many" not in message


def test_activation_is_refused_where_a_network_has_its_own() -> None:
    said = "leave it out, as 'liquid' has activations of its own"
    with pytest.raises(ValueError, match=said):
        make_agent(policy="LiquidPolicy", policy_kwargs={"activation_fn": nn.ReLU})


@pytest.mark.parametrize("algorithm", [RecurrentPPO, MemoryPPO])
def test_layers_after_a_memory_do_not_size_it(algorithm: Any) -> None:
    with pytest.raises(ValueError, match="leave it out, or size") as error:
        algorithm("LiquidPolicy", "CartPole-v1", policy_kwargs={"net_arch": [64]})
    assert "n_neurons=" not in str(error.value)


@pytest.mark.parametrize("argument", ["net_arch", "activation_fn"])
def test_arguments_that_the_zoo_fills_in_name_its_remedy(argument: str) -> None:
    message = refusal(argument, [64], NetworkChoice("liquid"), FLAT, ACTIONS)
    assert message.endswith("pass `--gym-packages velora.sb3.zoo`.")
    other = refusal("with_bias", False, NetworkChoice("ncp"), FLAT, ACTIONS)
    assert "zoo" not in other
