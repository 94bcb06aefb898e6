"""Equality, repr and other masks: a wiring is a value."""

import pytest
import torch

from velora.wiring import LayerMasks, NeuronCounts, SynapseCounts, Wiring


@pytest.fixture
def wiring():
    return Wiring(3, 10, 2, seed=1)


def changed(masks, layer, mask):
    return LayerMasks(**{**dict(masks.items()), layer: mask})


@pytest.mark.parametrize("kind", [NeuronCounts, SynapseCounts])
def test_counts_are_equal_by_value(kind):
    assert kind(1, 2, 3, 4) == kind(sensory=1, inter=2, command=3, motor=4)
    for other in ((0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4), (1, 2, 3, 0)):
        assert kind(1, 2, 3, 4) != kind(*other)


def test_counts_of_another_kind_are_not_equal():
    assert NeuronCounts(1, 2, 3, 4) != SynapseCounts(1, 2, 3, 4)


@pytest.mark.parametrize("kind", [NeuronCounts, SynapseCounts])
def test_counts_repr_names_every_number(kind):
    expected = f"{kind.__name__}(sensory=1, inter=2, command=3, motor=4)"
    assert repr(kind(1, 2, 3, 4)) == expected


def test_masks_are_equal_by_value(wiring):
    masks = wiring.masks
    copied = LayerMasks(
        masks.inter.clone(),
        masks.command.clone(),
        masks.motor.clone(),
        masks.recurrent.clone(),
    )
    assert copied == masks
    assert masks == copied


@pytest.mark.parametrize("layer", ["inter", "command", "motor", "recurrent"])
def test_masks_differ_where_one_synapse_differs(wiring, layer):
    mask = getattr(wiring.masks, layer).clone()
    mask[0, 0] = 0 if mask[0, 0] else 1
    assert changed(wiring.masks, layer, mask) != wiring.masks


@pytest.mark.parametrize("layer", ["inter", "command", "motor", "recurrent"])
def test_masks_differ_where_a_polarity_differs(wiring, layer):
    assert changed(wiring.masks, layer, -getattr(wiring.masks, layer)) != wiring.masks


def test_masks_of_other_shapes_are_not_equal(wiring):
    assert changed(wiring.masks, "inter", torch.ones(1, 1)) != wiring.masks


def test_masks_with_and_without_recurrence_are_not_equal(wiring):
    bare = changed(wiring.masks, "recurrent", None)
    assert bare.recurrent is None
    assert bare != wiring.masks
    assert wiring.masks != bare
    assert bare == changed(wiring.masks, "recurrent", None)


def test_masks_are_not_equal_to_foreign_things(wiring):
    assert wiring.masks != "masks"
    assert (wiring.masks == 3) is False


def test_masks_repr_shows_shapes_and_no_tensors(wiring):
    text = repr(wiring.masks)
    assert text.startswith("LayerMasks(")
    for name in ("inter", "command", "motor", "recurrent"):
        assert name in text
    assert "tensor" not in text
    assert len(repr(Wiring(100, 500, 100).masks)) < 200


def test_wirings_are_equal_by_value(wiring):
    assert wiring == Wiring(3, 10, 2, seed=1)
    assert wiring != Wiring(3, 10, 2, seed=2)
    assert wiring != Wiring(3, 11, 2, seed=1)
    assert wiring != Wiring(3, 10, 2, sparsity_level=0.55, seed=1)
    assert wiring != "wiring"


def test_wirings_with_the_same_synapses_are_equal_however_they_were_drawn(wiring):
    other = Wiring(3, 10, 2, sparsity_level=0.51, seed=2)
    assert other != wiring
    assert other.with_masks(wiring.masks) == wiring


def test_wiring_repr_shows_how_to_make_it(wiring):
    for part in ("Wiring(3, 10, 2", "sparsity_level=0.5", "seed=1"):
        assert part in repr(wiring)
    assert "tensor" not in repr(wiring)


def test_with_masks_shows_the_masks_and_leaves_the_first(wiring):
    masks = changed(wiring.masks, "inter", torch.ones(3, 6, dtype=torch.int32))
    other = wiring.with_masks(masks)
    assert other.masks == masks
    assert other.counts == wiring.counts
    assert other.n_connections == wiring.n_connections
    assert other != wiring
    assert wiring == Wiring(3, 10, 2, seed=1)
    other.build()
    assert wiring == Wiring(3, 10, 2, seed=1)


@pytest.mark.parametrize("layer", ["inter", "command", "motor", "recurrent"])
def test_with_masks_refuses_another_shape(wiring, layer):
    mask = getattr(wiring.masks, layer)
    wrong = torch.ones(mask.shape[0] + 1, mask.shape[1], dtype=torch.int32)
    with pytest.raises(ValueError, match=layer) as error:
        wiring.with_masks(changed(wiring.masks, layer, wrong))
    assert str(tuple(mask.shape)) in str(error.value)
    assert str(tuple(wrong.shape)) in str(error.value)


@pytest.mark.parametrize("value", [2, -2, -(2**31), 2**31 - 1])
def test_with_masks_refuses_other_values(wiring, value):
    mask = wiring.masks.motor.clone()
    mask[0, 0] = value
    with pytest.raises(ValueError, match="motor"):
        wiring.with_masks(changed(wiring.masks, "motor", mask))


@pytest.mark.parametrize("value", [0.5, -0.25, float("nan")])
def test_with_masks_refuses_fractions(wiring, value):
    mask = wiring.masks.motor.double()
    mask[0, 0] = value
    with pytest.raises((ValueError, TypeError), match="motor"):
        wiring.with_masks(changed(wiring.masks, "motor", mask))


def test_with_masks_shares_no_memory_with_what_it_was_given(wiring):
    other = wiring.with_masks(wiring.masks)
    other.masks.inter.zero_()
    assert other != wiring


def test_with_masks_refuses_what_is_no_mask(wiring):
    with pytest.raises(TypeError, match="`masks` must be LayerMasks; got dict"):
        wiring.with_masks({})
