"""What velora-lnn and velora-wiring register."""

from importlib.metadata import PackageNotFoundError, version

import pytest
import torch

from velora.models import (
    CfCLayersNetwork,
    CfCNetwork,
    GatedLeakyNCPNetwork,
    LiquidNCPNetwork,
    LTCNetwork,
    MixedMemory,
    NCPNetwork,
)
from velora.models import plugin as lnn_plugin
from velora.plugins import NetworkRegistry, networks, wirings
from velora.wiring import Wiring


def _installed():
    try:
        return version("velora-lnn") == version("velora-wiring")
    except PackageNotFoundError:
        return False


needs_installation = pytest.mark.skipif(
    not _installed(), reason="velora-lnn is on the path, but not installed"
)


@pytest.fixture(params=["hook", pytest.param("entry point", marks=needs_installation)])
def registry(request):
    if request.param == "entry point":
        return networks()
    registry = NetworkRegistry()
    lnn_plugin.velora_register_networks(registry)
    return registry


NAMES = pytest.mark.parametrize(
    ("name", "network_class", "recurrent"),
    [
        ("ncp", NCPNetwork, False),
        ("liquid", LiquidNCPNetwork, True),
        ("gated-leaky", GatedLeakyNCPNetwork, True),
    ],
)


@NAMES
def test_networks_are_registered(registry, name, network_class, recurrent):
    entry = registry[name]
    assert entry.name == name
    assert entry.recurrent is recurrent
    assert entry.summary
    assert "\n" not in entry.summary
    assert isinstance(entry.build(3, 2), network_class)


def test_ltc_is_registered(registry):
    entry = registry["ltc"]
    assert entry.recurrent
    network = entry.build(3, 2, device="meta", n_neurons=20, sparsity_level=0.8)
    assert isinstance(network, LTCNetwork)
    assert (network.in_features, network.n_neurons, network.out_features) == (3, 20, 2)
    assert network._drawn.sparsity_level == 0.8
    assert network.device.type == "meta"
    with pytest.raises(TypeError):
        entry.build(3, 2, n_layers=2)


@NAMES
def test_builders_take_sizes_device_and_options(
    registry, name, network_class, recurrent
):
    network = registry[name].build(
        3, 2, device="meta", n_neurons=20, sparsity_level=0.8, init_type="zero"
    )
    assert isinstance(network, network_class)
    assert (network.in_features, network.n_neurons, network.out_features) == (3, 20, 2)
    assert network._drawn.sparsity_level == 0.8
    assert network.device.type == "meta"
    assert not registry[name].build(3, 2, init_type="zero").motor.weight.any()
    with pytest.raises(TypeError):
        registry[name].build(3, 2, "cpu")
    with pytest.raises(TypeError):
        registry[name].build(3, 2, n_layers=2)


def test_cfc_is_registered_dense_and_in_layers(registry):
    dense = registry["cfc"].build(3, 2, device="meta", n_neurons=20, mode="pure")
    layers = registry["cfc-layers"].build(3, 2, device="meta", n_neurons=20)
    mixed = registry["cfc"].build(3, 2, mixed_memory=True)
    kinds = CfCNetwork, CfCLayersNetwork, MixedMemory
    for network, kind in zip((dense, layers, mixed), kinds, strict=True):
        assert isinstance(network, kind)
        assert (network.in_features, network.out_features) == (3, 2)
    assert dense.hidden_size == layers.n_neurons == 20
    assert layers.device.type == "meta"
    for name in ("cfc", "cfc-layers"):
        assert registry[name].recurrent
        assert "\n" not in registry[name].summary
        with pytest.raises(TypeError):
            registry[name].build(3, 2, n_layers=2)


@pytest.mark.parametrize("name", ["liquid", "gated-leaky", "ltc", "cfc", "cfc-layers"])
def test_a_recurrent_network_offers_sequences_and_a_first_state(registry, name):
    network = registry[name].build(3, 2)
    state = network.initial_state(5)
    assert state.shape[0] == 5
    y, state = network.forward_sequence(torch.randn(4, 5, 3), state)
    assert y.shape == (4, 5, 2)
    assert state.shape[0] == 5


@needs_installation
def test_the_ncp_wiring_is_registered():
    wiring = wirings()["ncp"].build(3, 10, 2, sparsity_level=0.3, seed=1)
    assert wiring == Wiring(3, 10, 2, sparsity_level=0.3, seed=1)
    assert wirings()["ncp"].distribution == "velora-wiring"
    assert networks()["liquid"].distribution == "velora-lnn"
