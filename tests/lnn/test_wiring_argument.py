"""A network takes any wiring: by name, from a maker, or a ready one."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from velora.models import NCPNetwork, load_network, save_network
from velora.models.builders import build_liquid, build_ncp
from velora.plugins import networks, wirings
from velora.wiring import Connectome, LayerMasks, NeuronCounts, Wiring, small_world

SIZES = (3, 7, 5, 2)  # no rule of ours divides 12 decision neurons like this


def ready(*sizes: int) -> Connectome:
    shapes = zip(("inter", "command", "motor"), sizes, sizes[1:], strict=False)
    return Connectome(
        LayerMasks(**{name: torch.randint(-1, 2, (a, b)) for name, a, b in shapes})
    )


@pytest.mark.parametrize("name", ["ncp", "dense", "random", "small-world"])
def test_name_draws_the_wiring_of_that_rule(network_type, name):
    torch.manual_seed(3)
    network = network_type(4, 20, 2, sparsity_level=0.8, wiring=name)
    torch.manual_seed(3)
    expected = wirings()[name].build(4, 20, 2, sparsity_level=0.8)
    for layer in ("inter", "command", "motor"):
        mask = getattr(expected.masks, layer).abs()
        assert torch.equal(getattr(network.masks, layer), mask)
    assert network.counts == expected.counts
    assert type(network.wiring) is type(expected)


def test_maker_gets_sizes_and_sparsity(network_type):
    network = network_type(
        4, 60, 2, sparsity_level=0.9, wiring=partial(small_world, rewiring=0.0)
    )
    assert network.masks.command.float().mean() < 0.2


@pytest.mark.parametrize("n_neurons", [12, None])
def test_ready_wiring_drives_a_network(network_type, reference, n_neurons):
    connectome = ready(*SIZES)
    network = network_type(3, n_neurons, 2, wiring=connectome).double()
    assert network.counts == NeuronCounts(*SIZES)
    assert (network.n_neurons, network.n_units) == (12, 14)
    for layer in ("inter", "command", "motor"):
        mask = getattr(connectome.masks, layer).abs()
        assert torch.equal(getattr(network.masks, layer), mask)
    x = torch.randn(4, 3, dtype=torch.float64)
    if network_type is NCPNetwork:
        torch.testing.assert_close(network(x), reference.ncp(network, x))
    else:
        state = network.initial_state(4)
        got, expected = network(x, state), reference.recurrent(network, x, state)
        torch.testing.assert_close(got, expected)


def test_anything_with_masks_and_counts_is_a_wiring(network_type):
    drawn = Wiring(3, 10, 2, seed=1)
    masks = SimpleNamespace(
        **{name: mask.tolist() for name, mask in drawn.masks.items()}
    )
    like = SimpleNamespace(masks=masks, counts=drawn.counts)
    network = network_type(3, 10, 2, wiring=like)
    assert torch.equal(network.masks.command, drawn.masks.command.abs())
    assert network_type(3, 10, 2, wiring=lambda *_, **__: like).counts == drawn.counts


def test_ready_wiring_is_not_shared(network_type):
    connectome = ready(*SIZES)
    before = connectome.masks.inter.clone()
    network = network_type(3, None, 2, wiring=connectome)
    network.inter.update_mask(torch.ones_like(network.inter.mask))
    assert torch.equal(connectome.masks.inter, before)
    assert network.wiring.masks.inter.all()


def test_ready_wiring_is_saved_and_loaded(network_type, tmp_path):
    network = network_type(3, None, 2, wiring=ready(*SIZES))
    save_network(network, tmp_path / "network")
    loaded = load_network(tmp_path / "network")
    assert loaded.wiring == network.wiring
    x = torch.randn(4, 3)
    torch.testing.assert_close(loaded(x), network(x), rtol=0, atol=0)


def test_builders_take_the_size_of_a_ready_wiring():
    options = {"wiring": ready(*SIZES)}
    assert build_ncp(3, 2, **options).counts == NeuronCounts(*SIZES)
    assert build_liquid(3, 2, **options).hidden_size == 5
    assert networks()["ncp"].build(3, 2, wiring="dense").n_neurons == 64


def broken(**changes: object) -> SimpleNamespace:
    drawn = ready(*SIZES)
    fields = {"masks": drawn.masks, "counts": drawn.counts} | changes
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("wiring", "n_neurons", "error", "message"),
    [
        ("small-word", 12, KeyError, "No wiring is called 'small-word'.*'small-world'"),
        (7, 12, TypeError, "`wiring` must be a registered name, a function .* got 7"),
        ("dense", None, TypeError, "`n_neurons` must be an integer; got None"),
        (None, None, TypeError, "`n_neurons` must be an integer; got None"),
        (ready(*SIZES), 10, ValueError, r"= \(3, 10, 2\); got \(3, 12, 2\)"),
        (ready(4, 7, 5, 2), 12, ValueError, r"got \(4, 12, 2\)"),
        (ready(3, 7, 5, 9), None, ValueError, r"got \(3, 12, 9\)"),
        (lambda *_, **__: None, 12, TypeError, r"NoneType lacks \['counts', 'masks.i"),
        (broken(masks=SimpleNamespace()), 12, TypeError, r"lacks \['masks.inter'"),
        (
            broken(counts=NeuronCounts(3, 6, 6, 2)),
            12,
            ValueError,
            r"`counts` of a wiring must be those of its masks.*'inter': 6",
        ),
    ],
)
def test_bad_wirings_are_refused(network_type, wiring, n_neurons, error, message):
    with pytest.raises(error, match=message):
        network_type(3, n_neurons, 2, wiring=wiring)


def test_sequence_obeys_a_ready_wiring(reference, recurrent_type):
    network = recurrent_type(3, None, 2, wiring=ready(*SIZES)).double()
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    got = network.forward_sequence(x)
    expected = reference.sequence(network, x, network.initial_state(4))
    torch.testing.assert_close(got, expected[:2])
