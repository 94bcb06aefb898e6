"""What Velora registers is right, and the checks that it registers find it so."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from velora.models import plugin
from velora.models.testing import check_network, check_wiring
from velora.plugins import (
    Entry,
    NetworkRegistry,
    Registry,
    checks,
    networks,
    wirings,
)
from velora.plugins.testing import CheckError
from velora.wiring import LayerMasks, Wiring, small_world

OPTIONS = {
    "none": {},
    "few neurons": {"n_neurons": 3},
    "layer norm": {"norm": nn.LayerNorm},
    "batch norm": {"norm": nn.BatchNorm1d},
    "zeros": {"init_type": "zero"},
    "tiny": {"init_type": "trunc_normal"},
    "dense": {"wiring": "dense", "sparsity_level": 0.9},
    "small world": {"wiring": small_world, "n_neurons": 12},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", ["ncp", "liquid", "gated-leaky"])
def test_registered_network_is_right(name, options):
    check_network(name, **options)


@pytest.mark.parametrize("options", [{}, {"n_neurons": 3}], ids=str)
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_network_of_pytorch_is_right(name, options):
    check_network(name, **options)


@pytest.mark.parametrize("wiring", [None, "dense", "random", small_world])
@pytest.mark.parametrize(
    "options", [{}, {"n_neurons": 3}, {"positive": False}], ids=str
)
def test_ltc_is_right_over_every_wiring(wiring, options):
    check_network("ltc", wiring=wiring, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "pure", "backbone_layers": 0},
        {"mode": "no_gate", "backbone_layers": 2, "n_neurons": 3},
        {"mixed_memory": True},
    ],
    ids=str,
)
def test_cfc_is_right_in_every_mode(options):
    check_network("cfc", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"n_neurons": 3},
        {"mode": "pure", "wiring": "dense"},
        {"mode": "no_gate", "wiring": small_world},
        {"mixed_memory": True, "wiring": "random"},
    ],
    ids=["alone", "pure", "no_gate", "mixed memory"],  # a function's str is no id
)
def test_cfc_in_layers_is_right_in_every_mode(options):
    check_network("cfc-layers", **options)


@pytest.mark.parametrize("scan", ["operators", "steps"])
@pytest.mark.parametrize("name", ["liquid", "gated-leaky", "ltc", "cfc"])
def test_recurrent_network_is_right_without_compiled_loops(monkeypatch, name, scan):
    monkeypatch.setenv("VELORA_SCAN", scan)
    check_network(name)


@pytest.mark.parametrize("sizes", [(3, 16, 2), (1, 2, 1), (7, 40, 9)], ids=str)
@pytest.mark.parametrize("name", ["ncp", "dense", "random", "small-world"])
def test_registered_wiring_is_right(name, sizes):
    check_wiring(name, in_features=sizes[0], n_neurons=sizes[1], out_features=sizes[2])


def test_nothing_registered_is_left_out():
    assert [n for n, e in networks().items() if e.distribution == "velora-lnn"] == [
        "ncp",
        "liquid",
        "gated-leaky",
        "lstm",
        "gru",
        "ltc",
        "cfc",
        "cfc-layers",
    ]
    assert [n for n, e in wirings().items() if e.distribution == "velora-wiring"] == [
        "ncp",
        "dense",
        "random",
        "small-world",
    ]


@pytest.fixture(params=["hook", "entry point"])
def registered(request):
    if request.param == "entry point":
        return checks()
    registry = Registry("check", Entry)
    plugin.velora_register_checks(registry)
    return registry


def test_checks_are_registered_and_pass_what_is_right(registered):
    for name in ("ncp", "liquid"):
        registered["network"].build(networks()[name])
    for entry in wirings().values():
        registered["wiring"].build(entry)
    assert registered["network"].summary
    assert registered["wiring"].summary


def test_checks_refuse_what_is_wrong(registered):
    registry = NetworkRegistry()
    registry.add("wrong", lambda i, o, device=None: nn.Linear(i, o + 1, device=device))
    with pytest.raises(CheckError, match=r"network wrong is not right:\n- shapes: "):
        registered["network"].build(registry["wrong"])

    registry.add("pretends", networks()["ncp"].build, recurrent=True)
    with pytest.raises(CheckError, match="must offer `forward_sequence`"):
        registered["network"].build(registry["pretends"])

    def lonely(*sizes, **options):
        made = Wiring(*sizes, **options)
        masks = {name: mask * (name != "motor") for name, mask in made.masks.items()}
        return made.with_masks(LayerMasks(**masks))

    with pytest.raises(CheckError, match="wiring lonely is not right:\n- nobody alone"):
        registered["wiring"].build(Entry("lonely", lonely, "", None))


def _settings():
    return (
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.are_deterministic_algorithms_enabled(),
    )


@pytest.mark.parametrize("surroundings", ["plain", "no_grad", "inference", "meta"])
def test_check_works_anywhere_and_leaves_global_state_alone(surroundings):
    contexts = {
        "plain": torch.enable_grad,
        "no_grad": torch.no_grad,
        "inference": torch.inference_mode,
        "meta": lambda: torch.device("meta"),
    }
    with contexts[surroundings]():
        before = _settings()
        check_network("liquid")
        check_network(networks()["ncp"].build)
        check_wiring("random")
        with pytest.raises(CheckError):
            check_network(lambda *sizes: nn.Linear(*sizes))
        assert _settings() == before


def test_check_works_with_double_precision_as_the_default():
    torch.set_default_dtype(torch.float64)
    try:
        check_network("liquid")
        check_network("ncp")
        check_wiring("small-world")
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_is_no_network_is_refused():
    with pytest.raises(KeyError, match="No network is called 'nobody'"):
        check_network("nobody")
    for thing in (nn.Linear(4, 3), 42):
        with pytest.raises(TypeError, match="a registered name or a builder"):
            check_network(thing)
