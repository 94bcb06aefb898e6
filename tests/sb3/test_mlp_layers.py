"""NCPPolicy follows what a user's settings say of an MLP's layers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import ALGORITHMS, make_agent, sample_observations
from torch import nn

from velora.models.lnn.activation import ACTIVATIONS
from velora.plugins import networks
from velora.sb3 import networks_of
from velora.sb3.common.network_defaults import DEFAULTS
from velora.utils import active_parameters
from velora.wiring import Wiring

READY = Wiring(6, 8, 3, seed=1)
OF_64 = {"PPO", "A2C", "TRPO", "MaskablePPO", "ARS"}  # whose defaults are for these
WIDE_CRITICS = {"TQC", "DQN", "QRDQN"}


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
        size = (network.in_features + network.out_features + 384) * 384  # of weights
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
    alike = activation | {"n_neurons": {"pi": 200, "vf": 200}}
    choice = with_layers(**layers, **alike).policy.choice
    assert choice == with_layers(**alike).policy.choice


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
            r"once; got \[8\] as `net_arch`, which makes `n_neurons` .*128}, and 8\.",
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
