"""A network that a plugin brings comes back from its file as it was."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from network_files import (
    assert_same_state,
    description_of,
    registered,
    save_acme,
)
from safetensors.torch import load_file
from torch import nn
from toys.plain import right as plain
from toys.recurrent import right as recurrent

from velora.models import NCPNetwork, load_network, save_network
from velora.plugins import networks

PLAIN = [
    plain.Right,
    plain.StartsAtZero,
    plain.NormalisesAndDrops,
    plain.DropsTheBatchOfOne,
    plain.LooksAtItsNumbers,
]
RECURRENT = [
    recurrent.Right,
    recurrent.RightWithParts,
    recurrent.ShowsStates,
    recurrent.ShowsStatesWithParts,
]
FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def computed(network):
    """Everything that a network computes for numbers that are always the same."""
    network.eval()
    dtype = next(network.parameters()).dtype
    x = torch.linspace(-1, 1, 40, dtype=dtype).reshape(5, 2, 4)
    if not hasattr(network, "forward_sequence"):
        return (network(x[0]),)
    y, state = network.forward_sequence(x)
    return y, *(state if isinstance(state, tuple) else (state,))


def assert_comes_back(network, path):
    loaded = load_network(path)
    assert type(loaded) is type(network)
    assert_same_state(loaded, network)
    with torch.no_grad():
        for got, expected in zip(computed(loaded), computed(network), strict=True):
            assert torch.equal(got, expected)
    return loaded


@pytest.mark.parametrize("kind", PLAIN + RECURRENT)
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_toy_of_the_kit_comes_back(path, kind, dtype):
    with registered(acme=kind):
        network = kind(4, 3).to(dtype)
        save_acme(network, path)
        loaded = assert_comes_back(network, path)
    assert all(value.requires_grad for value in loaded.parameters())


def test_options_reach_the_builder(path):
    with registered(acme=plain.Right):
        network = plain.Right(4, 3, width=5)
        save_acme(network, path, width=5)
        assert assert_comes_back(network, path).inner.out_features == 5


def test_the_network_of_an_example_comes_back(path):
    source = Path(__file__).parents[3] / "examples" / "plugins" / "velora-gru" / "src"
    spec = importlib.util.spec_from_file_location(
        "velora_gru_of_the_storage", source / "velora_gru" / "__init__.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with registered(acme=module.GRUNetwork):
        network = networks()["acme"].build(4, 3, n_neurons=16)
        save_acme(network, path, n_neurons=16)
        loaded = assert_comes_back(network, path)
    assert loaded.gru._flat_weights[0] is loaded.gru.weight_ih_l0


def test_the_file_says_what_the_network_is(path):
    with registered("acme-velora", acme=plain.Right):
        save_acme(plain.Right(4, 3, width=5), path, width=5)
    assert description_of(path) == {
        "version": 2,
        "network": "acme",
        "distribution": "acme-velora",
        "in_features": 4,
        "out_features": 3,
        "options": {"width": 5},
    }


class Sized(plain.Right):
    """Right as well, and says its sizes as modules of PyTorch do."""

    def __init__(self, in_features, out_features, **options):
        super().__init__(in_features, out_features, **options)
        self.in_features, self.out_features = in_features, out_features


def test_sizes_are_taken_from_the_network_where_it_has_them(path):
    with registered(acme=Sized):
        network = Sized(4, 3)
        save_network(network, path, name="acme")
        assert_comes_back(network, path)
        save_network(network, path, name="acme", in_features=np.int64(4))
        assert type(description_of(path)["in_features"]) is int


class WithMore(plain.Right):
    """Tied, with a buffer that is not saved, whole numbers, booleans, no number."""

    def __init__(self, *sizes, device=None, shape=(2, 2)):
        super().__init__(*sizes, device=device)
        self.shape = shape
        self.twin = nn.Linear(8, sizes[1], device=device)
        self.twin.weight = self.outer.weight
        table = torch.arange(4.0, device=device)
        self.register_buffer("table", table, persistent=False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64, device=device))
        self.register_buffer("none", torch.ones(0, 3, device=device))
        self.register_buffer("seen", torch.zeros(2, dtype=torch.bool, device=device))


def test_all_that_a_module_can_hold_comes_back(path):
    with registered(acme=WithMore):
        network = WithMore(4, 3, shape=(3, 1)).double()
        with torch.no_grad():
            network.inner.bias.fill_(float("nan"))
        network.steps += 7
        network.seen[0] = True
        save_acme(network, path, shape=(3, 1))
        loaded = load_network(path)
    assert loaded.twin.weight is loaded.outer.weight
    assert loaded.shape == [3, 1]  # JSON has no tuples
    assert loaded.table.dtype == torch.float64
    assert loaded.inner.bias.isnan().all()
    for name in ("steps", "seen", "none"):
        assert torch.equal(getattr(loaded, name), getattr(network, name))
    assert "table" not in load_file(path)


class Oscillates(plain.Right):
    def __init__(self, *sizes, device=None):
        super().__init__(*sizes, device=device)
        poles = torch.zeros(2, dtype=torch.complex64, device=device)
        self.poles = nn.Parameter(poles)


@pytest.mark.skipif(
    "C64" not in safetensors.torch._TYPES, reason="this safetensors has none"
)
def test_complex_numbers_come_back(path):
    with registered(acme=Oscillates):
        network = Oscillates(4, 3).double()
        with torch.no_grad():
            network.poles.fill_(1 - 2j)
        save_acme(network, path)
        assert_same_state(load_network(path), network)


def test_mixed_precision_comes_back(path):
    with registered(acme=plain.Right):
        network = plain.Right(4, 3)
        network.outer.to(torch.bfloat16)
        save_acme(network, path)
        assert_same_state(load_network(path), network)


def test_a_subclass_of_ours_comes_back_by_its_name(path):
    class Derived(NCPNetwork):
        pass

    def build(in_features, out_features, *, device=None, n_neurons=10):
        return Derived(in_features, n_neurons, out_features, device=device)

    with registered(acme=build):
        network = Derived(4, 12, 3)
        save_network(network, path, name="acme", options={"n_neurons": 12})
        loaded = assert_comes_back(network, path)
    assert loaded.wiring == network.wiring


def test_the_name_of_our_own_classes_has_no_effect(saved, path):
    before = path.read_bytes()
    save_network(saved, path, name="ncp", options={"n_neurons": 10})
    assert path.read_bytes() == before
    assert json.dumps(description_of(path)).startswith('{"version": 1')


def test_nothing_is_drawn_and_the_default_device_is_left_alone(path):
    with registered(acme=plain.Right):
        network = plain.Right(4, 3)
        state = torch.get_rng_state()
        with torch.device("meta"):
            save_acme(network, path)
            assert load_network(path).inner.weight.is_meta
            assert_same_state(load_network(path, device="cpu"), network)
        assert not load_network(path).inner.weight.is_meta
        assert torch.equal(torch.get_rng_state(), state)
