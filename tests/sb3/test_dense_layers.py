"""Who asks for dense layers gets sparse neurons, or is told which size is as large."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import ALGORITHMS, make_agent, sample_observations
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from torch import nn

from velora.models.lnn.activation import ACTIVATIONS
from velora.plugins import networks
from velora.sb3 import MemoryPPO, networks_of
from velora.sb3.common.dense_layers import comparable_neurons, refusal
from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.network_defaults import DEFAULTS
from velora.utils import active_parameters
from velora.wiring import Wiring

FLAT = spaces.Box(-1, 1, (6,))
ACTIONS = spaces.Discrete(4)
READY = Wiring(6, 8, 3, seed=1)
OF_64 = {"PPO", "A2C", "TRPO", "MaskablePPO", "ARS"}  # whose defaults are for these
WIDE_CRITICS = {"TQC", "DQN", "QRDQN"}


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


def with_layers(algorithm: str = "PPO", /, **policy_kwargs: Any) -> Any:
    """Makes an agent of NCPPolicy, with a user's arguments for an MLP."""
    options = {"n_neurons": None} | policy_kwargs
    return make_agent(algorithm, policy_kwargs=options)


@pytest.mark.parametrize("layers", [[384, 384], (568, np.int64(202))])  # 192.5
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sparse_networks_grow_with_the_layers_of_an_mlp(
    algorithm: str, layers: Any
) -> None:
    model = with_layers(algorithm, net_arch=layers)
    for role, network in networks_of(model).items():
        each = 0.5 if algorithm in WIDE_CRITICS and role != "pi" else 0.25
        each = 1 if algorithm in OF_64 else each
        assert network.n_neurons == round(sum(layers) * each)
        size = dense(network.in_features, 384, 384, network.out_features)
        assert active_parameters(network) < 0.5 * size


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sparse_networks_are_not_smaller_than_by_default(algorithm: str) -> None:
    def sizes(**policy_kwargs: Any) -> dict[str, int]:
        networks = networks_of(with_layers(algorithm, **policy_kwargs))
        return {role: network.n_neurons for role, network in networks.items()}

    assert sizes(net_arch=[8, 8]) == sizes(net_arch=[64, 64]) == sizes()
    built = sizes(net_arch=[8, np.int64(9)], network_defaults={})
    assert set(built.values()) == {17}


def test_layers_of_each_role_become_neurons_of_each_role() -> None:
    networks = networks_of(with_layers(net_arch={"vf": [300, 200], "pi": [150]}))
    sizes = {role: network.n_neurons for role, network in networks.items()}
    assert sizes == {"pi": 150, "vf": 500}


@pytest.mark.parametrize(
    "given", [nn.ELU, nn.GELU, nn.LeakyReLU, nn.Mish, nn.ReLU, nn.SiLU, nn.Tanh]
)
def test_neurons_have_the_activation_of_layers(given: type[nn.Module]) -> None:
    options = {"network_kwargs": {"sparsity_level": 0.7}}
    model = with_layers(activation_fn=given, **options)
    x = torch.linspace(-3, 3, 50)
    for network in networks_of(model).values():
        of_network = ACTIVATIONS[network.activation]
        assert torch.allclose(of_network(x), given()(x), atol=1e-6)
        assert network.inter.mask.float().mean() < 0.4
        assert network.n_neurons == 128
    assert options == {"network_kwargs": {"sparsity_level": 0.7}}


def weights(model: Any) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.policy.parameters())


@pytest.mark.parametrize("algorithm", ["PPO", "A2C", "TRPO", "MaskablePPO"])
def test_without_orthogonal_layers_networks_start_as_built(algorithm: str) -> None:
    plain = {"ortho_init": False}  # by which fewer random numbers are drawn
    model = with_layers(algorithm, **plain)
    for network in networks_of(model).values():
        assert network.n_neurons == 128
        assert network.activation == "tanh"
    for init_type, equal in (("kaiming_uniform", True), ("orthogonal", False)):
        other = with_layers(algorithm, init_type=init_type, **plain)
        assert networks_of(other)["pi"].motor.init_type == init_type
        assert torch.equal(weights(model), weights(other)) is equal
    assert networks_of(with_layers(algorithm))["pi"].motor.init_type == "synaptic"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_agent_of_layers_is_saved_and_loaded(algorithm: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"net_arch": [100, 50], "activation_fn": nn.ReLU}
    if algorithm in OF_64 - {"ARS"}:
        given["ortho_init"] = False
    model = with_layers(algorithm, **given)
    model.save(tmp_path / "agent.zip")
    model.policy.save(tmp_path / "policy.pt")
    loaded = type(model).load(tmp_path / "agent.zip")
    same = type(model).load(tmp_path / "agent.zip", policy_kwargs=model.policy_kwargs)
    policies = [loaded.policy, same.policy]
    policies.append(type(model.policy).load(tmp_path / "policy.pt"))
    observations = sample_observations(model)
    expected, _ = model.predict(observations, deterministic=True)
    for policy in policies:
        actions, _ = policy.predict(observations, deterministic=True)
        assert np.array_equal(actions, expected)
        assert policy.choice == model.policy.choice


def test_what_is_said_twice_alike_is_taken() -> None:
    layers = {"net_arch": [100, 100], "activation_fn": nn.ReLU}
    activation = {"network_kwargs": {"activation": "relu"}}
    for n_neurons in (200, {"pi": 200, "vf": 200}):
        choice = with_layers(n_neurons=n_neurons, **layers, **activation).policy.choice
        assert choice == with_layers(n_neurons=200, **activation).policy.choice


def test_given_defaults_win() -> None:
    given: Any = copy.deepcopy(DEFAULTS["on-policy"])
    given["ncp"]["pi"]["init_type"] = "orthogonal"
    model = with_layers(network_defaults=given, ortho_init=False)
    assert networks_of(model)["pi"].motor.init_type == "orthogonal"
    fewer = {"ncp": {"pi": {"n_neurons": 64}}}
    for layers, expected in (([8], 64), ([80], 80)):
        model = with_layers(network_defaults=fewer, net_arch=layers)
        assert networks_of(model)["pi"].n_neurons == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        *(
            ({"net_arch": layers}, r"`net_arch` must be a list .* \['pi', 'vf'\]; got")
            for layers in (
                [],
                {},
                {"pi": [8]},
                {"pi": [], "vf": [8]},
                {"pi": 8, "vf": 8},
                [{"pi": [8]}],
                [8.0],
                [0],
                ["small"],
                "small",
                64,
            )
        ),
        ({"net_arch": b"8"}, "`net_arch` must be a list"),
        (
            {"net_arch": [8], "n_neurons": 8},
            r"once; got \[8\] as `net_arch`, which makes `n_neurons` 128, and 8\.",
        ),
        (
            {"net_arch": [8], "network_kwargs": {"n_neurons": 8}},
            "size of networks must be given once",
        ),
        (
            {"net_arch": [8], "network_kwargs": {"wiring": READY}},
            "size of networks must be given once",
        ),
        (
            {"activation_fn": nn.PReLU},
            r"`activation_fn` must be one of nn.ELU, .*PReLU",
        ),
        ({"activation_fn": [nn.ReLU]}, "`activation_fn` must be one of nn.ELU"),
        (
            {"activation_fn": nn.ReLU, "network_kwargs": {"activation": "tanh"}},
            "activation must be given once; got .*ReLU'> as .* and 'tanh' in",
        ),
    ],
)
def test_bad_layers_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        with_layers(**options)


def test_network_of_a_plugin_does_not_stand_for_layers() -> None:
    networks().add("test-linear", lambda i, o, **_: nn.Linear(i, o), override=True)
    with pytest.raises(ValueError, match="`net_arch` describes layers"):
        with_layers(network="test-linear", net_arch=[8])


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
