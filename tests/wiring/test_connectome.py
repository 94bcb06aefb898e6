"""A connectome is any synapses between any number of neurons."""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velora.wiring import Connectome, LayerMasks, NeuronCounts, Wiring


def masks(*sizes: int, recurrent: bool = True) -> LayerMasks:
    """Samples masks of layers of these sizes, from sensory to motor."""
    shapes = [*itertools.pairwise(sizes)]
    layers = dict(zip(("inter", "command", "motor"), shapes, strict=True))
    if recurrent:
        layers["recurrent"] = (sizes[2], sizes[2])
    return LayerMasks(**{k: torch.randint(-1, 2, shape) for k, shape in layers.items()})


@given(
    sizes=st.tuples(*[st.integers(1, 6)] * 4),
    recurrent=st.booleans(),
)
def test_any_sizes_are_counted_and_survive_json(sizes, recurrent):
    sampled = masks(*sizes, recurrent=recurrent)
    connectome = Connectome(sampled)
    assert connectome.counts == NeuronCounts(*sizes)
    assert connectome.data() == (sampled, connectome.counts)
    again = Connectome.from_dict(json.loads(json.dumps(connectome.to_dict())))
    assert again == connectome
    assert (again.masks.recurrent is None) is not recurrent


def test_masks_are_copied_as_int32():
    sampled = masks(2, 3, 2, 1)
    connectome = Connectome(sampled)
    before = connectome.masks.inter.clone()
    sampled.inter.fill_(1)
    assert torch.equal(connectome.masks.inter, before)
    assert {mask.dtype for _, mask in connectome.masks.items()} == {torch.int32}


def test_wiring_equals_the_connectome_of_its_masks():
    wiring = Wiring(3, 10, 2, seed=1)
    assert Connectome(wiring.masks) == wiring
    assert wiring == Connectome(wiring.masks)
    assert Connectome(Wiring(3, 10, 2, seed=2).masks) != wiring


def test_with_masks_keeps_the_neurons():
    connectome = Connectome(masks(2, 3, 4, 1))
    other = masks(2, 3, 4, 1)
    assert connectome.with_masks(other).masks == other
    with pytest.raises(ValueError, match=r"inter mask must have shape .*\(2, 3\)"):
        connectome.with_masks(masks(2, 5, 4, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inter": torch.ones(2, 3, 1)}, r"must have shape \(from, to\)"),
        ({"motor": torch.ones(0, 1)}, "at least one neuron"),
        ({"command": torch.ones(5, 2)}, r"command mask .* \(3, 2\); got \(5, 2\)"),
        ({"motor": torch.ones(3, 1)}, r"motor mask .* \(2, 1\); got \(3, 1\)"),
        ({"recurrent": torch.ones(2, 3)}, r"recurrent mask .* \(2, 2\)"),
        ({"inter": torch.full((2, 3), 2)}, r"must hold -1 .* got \[2"),
    ],
)
def test_masks_that_do_not_fit_are_refused(change, message):
    fitting = dict(masks(2, 3, 2, 1).items())
    with pytest.raises(ValueError, match=message):
        Connectome(LayerMasks(**fitting | change))


def test_what_is_no_masks_is_refused():
    with pytest.raises(TypeError, match="`masks` must be LayerMasks; got dict"):
        Connectome({})


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], TypeError, "must be a mapping"),
        ({"version": 9}, ValueError, "`version` must be 1"),
        ({"version": 1}, ValueError, r"\['masks'\] are missing"),
        ({"version": 1, "masks": {"inter": [[1]]}}, ValueError, "'command', 'motor'"),
    ],
)
def test_data_that_is_no_connectome_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        Connectome.from_dict(data)


def test_mask_that_is_no_tensor_is_refused():
    fitting = dict(masks(2, 3, 2, 1).items())
    with pytest.raises(TypeError, match=r"inter mask must be a tensor; got list"):
        Connectome(LayerMasks(**fitting | {"inter": [[1, 1, 1], [1, 1, 1]]}))
