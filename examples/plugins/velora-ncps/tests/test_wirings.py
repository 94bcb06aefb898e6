"""Velora's wirings in ncps' words have the neurons and synapses of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Iterator

import ncps.wirings as theirs
import numpy as np
import pytest
import torch

import velora.wiring.ncps as ours
from velora.wiring import LayerMasks

SEEDS = range(60)
SPARSITIES = (0.1, 0.25, 0.5, 0.7, 0.9)
FANS = (
    "sensory_fanout",
    "inter_fanout",
    "recurrent_command_synapses",
    "motor_fanin",
)


def layers(wiring: theirs.Wiring, inputs: int) -> LayerMasks:
    """Gives a wiring of theirs, of layers, as masks."""
    wiring.build(inputs)
    inter, command, motor = (wiring.get_neurons_of_layer(i) for i in range(3))
    sensory, among = wiring.sensory_adjacency_matrix, wiring.adjacency_matrix
    places = {
        "inter": (sensory, range(inputs), inter),
        "command": (among, inter, command),
        "motor": (among, command, motor),
        "recurrent": (among, command, command),
    }
    masks = {k: torch.as_tensor(m[np.ix_(a, b)]) for k, (m, a, b) in places.items()}
    found = sum(int(mask.count_nonzero()) for mask in masks.values())
    assert found == np.count_nonzero(sensory) + np.count_nonzero(among)
    return LayerMasks(**masks)


def sizes(masks: LayerMasks) -> dict[str, tuple[int, ...]]:
    return {name: tuple(mask.shape) for name, mask in masks.items()}


def counted(masks: LayerMasks) -> dict[str, int]:
    return {name: int(mask.count_nonzero()) for name, mask in masks.items()}


def auto_sizes() -> Iterator[tuple[int, int, float]]:
    for outputs in (1, 2, 5):
        for more in (3, 4, 5, 7, 10, 16, 27, 33, 64):
            for sparsity in SPARSITIES:
                yield outputs + more, outputs, sparsity


def test_auto_ncp_has_their_neurons_and_fans() -> None:
    for units, outputs, sparsity in auto_sizes():
        mine = ours.AutoNCP(units, outputs, sparsity)
        other = theirs.AutoNCP(units, outputs, sparsity)
        for fan in FANS:
            assert getattr(mine, fan) == getattr(other, f"_{fan}"), (mine, sparsity)
        assert sizes(mine.build(4).masks) == sizes(layers(other, 4)), (mine, sparsity)


@pytest.mark.parametrize(
    ("name", "arguments", "inputs"),
    [
        ("AutoNCP", (19, 2), 5),
        ("AutoNCP", (32, 8, 0.9), 5),
        ("AutoNCP", (12, 4, 0.8), 2),
        ("NCP", (9, 7, 3, 2, 2, 5, 2), 8),
        ("NCP", (4, 4, 12, 1, 1, 5, 1), 8),
        ("NCP", (3, 3, 10, 1, 1, 20, 1), 10),
    ],
)
def test_synapses_of_a_layer_are_as_many_by_chance(
    name: str, arguments: tuple[int, ...], inputs: int
) -> None:
    mine = [
        counted(getattr(ours, name)(*arguments, seed=seed).build(inputs).masks)
        for seed in SEEDS
    ]
    other = [
        counted(layers(getattr(theirs, name)(*arguments, seed=seed), inputs))
        for seed in SEEDS
    ]
    for layer in ("inter", "command", "motor", "recurrent"):
        a, b = (np.array([each[layer] for each in found]) for found in (mine, other))
        spread = np.sqrt((a.var() + b.var()) / len(SEEDS))
        assert abs(a.mean() - b.mean()) <= 4 * spread, layer


@pytest.mark.parametrize("outputs", [2, None])
@pytest.mark.parametrize("units", [3, 8, 13])
@pytest.mark.parametrize("inputs", [1, 4])
def test_unlayered_wirings_have_their_synapses(
    units: int, outputs: int | None, inputs: int
) -> None:
    pairs = [
        (ours.FullyConnected(units, outputs), theirs.FullyConnected(units, outputs)),
        (
            ours.FullyConnected(units, outputs, self_connections=False),
            theirs.FullyConnected(units, outputs, self_connections=False),
        ),
        (ours.Random(units, outputs), theirs.Random(units, outputs)),
        *(
            (
                ours.Random(units, outputs, sparsity),
                theirs.Random(units, outputs, sparsity),
            )
            for sparsity in (0.05, 0.33, 0.5, 0.6, 0.77, 0.99)
        ),
    ]
    for blueprint, other in pairs:
        other.build(inputs)
        wiring = blueprint.build(inputs)
        sensory, among = wiring.mask[:inputs], wiring.mask[inputs:]
        assert int(sensory.count_nonzero()) == other.sensory_synapse_count, blueprint
        assert int(among.count_nonzero()) == other.synapse_count, blueprint
        assert wiring.out_features == other.output_dim


@pytest.mark.parametrize("name", ["NCP", "FullyConnected"])
def test_as_many_synapses_excite_as_there(name: str) -> None:
    arguments = (60, 50, 20, 30, 30, 900, 30) if name == "NCP" else (60,)
    shares = []
    for kind in (ours, theirs):
        wiring = getattr(kind, name)(*arguments, seed=1) if name == "NCP" else None
        wiring = wiring or getattr(kind, name)(*arguments)
        built = wiring.build(40)
        if kind is theirs:
            matrices = wiring.sensory_adjacency_matrix, wiring.adjacency_matrix
        elif name == "NCP":
            matrices = tuple(mask.numpy() for _, mask in built.masks.items())
        else:
            matrices = (built.mask.numpy(),)
        found = np.concatenate([matrix[matrix != 0].flatten() for matrix in matrices])
        shares.append((found > 0).mean())
    assert abs(shares[0] - shares[1]) < 0.04
    assert abs(shares[0] - (1 / 2 if name == "NCP" else 2 / 3)) < 0.04
