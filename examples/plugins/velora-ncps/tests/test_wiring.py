"""AutoNCP as a wiring: all of its synapses, signs included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from velora_ncps import AutoNCPWiring, build_auto_ncp
from velora_ncps.wiring import draw

from velora.models import LiquidNCPNetwork, NCPNetwork
from velora.plugins import wirings

LAYERS = ("inter", "command", "motor", "recurrent")


def same(one: AutoNCPWiring, other: AutoNCPWiring) -> bool:
    return all(
        torch.equal(getattr(one.masks, name), getattr(other.masks, name))
        for name in LAYERS
    )


@pytest.mark.parametrize("sparsity_level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("sizes", [(1, 3, 1), (4, 12, 2), (30, 10, 20), (3, 64, 1)])
def test_masks_hold_all_synapses_of_ncps(
    sizes: tuple[int, int, int], sparsity_level: float
) -> None:
    sensory, n_neurons, motor = sizes
    options = {"sparsity_level": sparsity_level, "seed": 3}
    wiring = build_auto_ncp(*sizes, **options)
    counts, masks = wiring.counts, wiring.masks
    command = max(int(0.4 * n_neurons), 1)
    expected = (sensory, n_neurons - command, command, motor)
    assert (counts.sensory, counts.inter, counts.command, counts.motor) == expected
    assert masks.inter.shape == (counts.sensory, counts.inter)
    assert masks.command.shape == (counts.inter, counts.command)
    assert masks.motor.shape == (counts.command, counts.motor)
    assert masks.recurrent.shape == (counts.command, counts.command)
    theirs = draw(*sizes, **options)
    inner = [getattr(masks, name) for name in LAYERS[1:]]
    for mine, matrix in (
        ([masks.inter], theirs.sensory_adjacency_matrix),
        (inner, theirs.adjacency_matrix),
    ):
        assert all(mask.dtype == torch.int32 for mask in mine)
        for sign in (-1, 1):
            found = sum(int((mask == sign).sum()) for mask in mine)
            assert found == (matrix == sign).sum()


def test_signs_are_where_ncps_has_them() -> None:
    wiring = build_auto_ncp(4, 24, 4, seed=3)
    theirs = draw(4, 24, 4, seed=3)
    kinds = np.array([theirs.get_type_of_neuron(unit) for unit in range(28)])
    block = theirs.adjacency_matrix[kinds == "command"][:, kinds == "motor"]
    assert {-1, 1} <= set(block.flatten())
    assert wiring.masks.motor.tolist() == block.tolist()


def test_seed_decides_and_touches_no_generator() -> None:
    state = torch.get_rng_state(), np.random.get_state()[1].tolist()
    assert same(build_auto_ncp(4, 12, 2, seed=7), build_auto_ncp(4, 12, 2, seed=7))
    assert not same(build_auto_ncp(4, 12, 2, seed=7), build_auto_ncp(4, 12, 2, seed=8))
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.random.get_state()[1].tolist() == state[1]


def test_without_a_seed_the_generator_of_torch_decides() -> None:
    torch.manual_seed(1)
    first, second = build_auto_ncp(4, 12, 2), build_auto_ncp(4, 12, 2)
    assert not same(first, second)
    torch.manual_seed(1)
    assert same(first, build_auto_ncp(4, 12, 2))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("in_features", 0, ValueError),
        ("n_neurons", 2, ValueError),
        ("out_features", 0, ValueError),
        ("n_neurons", 12.0, TypeError),
        ("in_features", True, TypeError),
        ("sparsity_level", 0.95, ValueError),
        ("sparsity_level", 0.0, ValueError),
        ("seed", -1, ValueError),
        ("seed", 2**32, ValueError),
    ],
)
def test_bad_argument_is_named(name: str, value: Any, error: Any) -> None:
    arguments = {"in_features": 4, "n_neurons": 12, "out_features": 2, name: value}
    with pytest.raises(error, match=f"`{name}` must be .*; got"):
        build_auto_ncp(**arguments)


@pytest.mark.parametrize("kind", [LiquidNCPNetwork, NCPNetwork])
def test_networks_of_velora_take_it_by_its_name(kind: Any) -> None:
    torch.manual_seed(1)
    network = kind(4, 12, 2, sparsity_level=0.7, wiring="auto-ncp")
    torch.manual_seed(1)
    wiring = wirings()["auto-ncp"].build(4, 12, 2, sparsity_level=0.7)
    for name in ("inter", "command", "motor"):
        synapses = getattr(wiring.masks, name).abs()
        assert getattr(network.masks, name).tolist() == synapses.tolist()
