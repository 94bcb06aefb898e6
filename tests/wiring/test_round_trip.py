"""A wiring goes to plain data and back."""

import copy
import json
import pickle
from types import MappingProxyType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from velora.wiring import LayerMasks, Wiring

LAYERS = ("inter", "command", "motor")
ENTRIES = ("in_features", "n_neurons", "out_features", "sparsity_level", "seed")


@pytest.fixture
def data():
    return Wiring(3, 10, 2, seed=1).to_dict()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 20),
    st.integers(2, 40),
    st.integers(1, 20),
    st.floats(0.1, 0.9),
    st.none() | st.integers(0, 2**63),
)
def test_json_round_trip_gives_an_equal_wiring(sensory, n_neurons, motor, level, seed):
    wiring = Wiring(sensory, n_neurons, motor, sparsity_level=level, seed=seed)
    copied = Wiring.from_dict(json.loads(json.dumps(wiring.to_dict())))
    assert copied == wiring
    assert copied.to_dict() == wiring.to_dict()
    for name in ("counts", "n_connections", "density_level", "seed", "n_inter"):
        assert getattr(copied, name) == getattr(wiring, name)
    for layer, mask in copied.masks.items():
        assert mask.dtype == torch.int32, layer


def test_plain_data_holds_the_version_and_json_types_alone(data):
    assert isinstance(data["version"], int)

    def check(value):
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                check(item)
        else:
            assert type(value) in (int, float, str, type(None))

    check(data)


def test_plain_data_does_not_follow_the_wiring():
    wiring = Wiring(3, 10, 2, seed=1)
    data = wiring.to_dict()
    before = json.dumps(data)
    wiring.masks.inter.zero_()
    assert json.dumps(data) == before


def test_from_dict_leaves_the_global_generator_untouched(data):
    before = torch.get_rng_state()
    Wiring.from_dict(data)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_wiring_read_back_builds_on_as_the_first_would():
    wiring = Wiring(3, 10, 2, seed=1)
    wiring.build()
    copied = Wiring.from_dict(wiring.to_dict())
    wiring.build()
    copied.build()
    assert copied == wiring


def test_masks_without_recurrence_survive():
    wiring = Wiring(3, 10, 2, seed=1)
    masks = LayerMasks(wiring.masks.inter, wiring.masks.command, wiring.masks.motor)
    wiring = wiring.with_masks(masks)
    copied = Wiring.from_dict(json.loads(json.dumps(wiring.to_dict())))
    assert copied.masks.recurrent is None
    assert copied == wiring


def test_any_mapping_is_read(data):
    assert Wiring.from_dict(MappingProxyType(data)) == Wiring(3, 10, 2, seed=1)


def pickled(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("clone", [copy.deepcopy, pickled])
def test_copies_are_equal_and_independent(clone):
    wiring = Wiring(3, 10, 2, seed=1)
    copied = clone(wiring)
    assert copied == wiring
    copied.build()
    assert copied != wiring
    assert wiring == Wiring(3, 10, 2, seed=1)
    copied = clone(wiring)
    copied.masks.inter.zero_()
    assert wiring == Wiring(3, 10, 2, seed=1)
    assert clone(wiring.masks) == wiring.masks
    assert clone(wiring.counts) == wiring.counts
    assert clone(wiring.n_connections) == wiring.n_connections


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_unknown_version_is_refused(data, version):
    data["version"] = version
    with pytest.raises(ValueError, match="version") as error:
        Wiring.from_dict(data)
    assert repr(version) in str(error.value)


@pytest.mark.parametrize("entry", ["version", "masks", *ENTRIES])
def test_missing_entry_is_named(data, entry):
    del data[entry]
    with pytest.raises(ValueError, match=entry):
        Wiring.from_dict(data)


@pytest.mark.parametrize("layer", LAYERS)
def test_missing_mask_is_named(data, layer):
    del data["masks"][layer]
    with pytest.raises(ValueError, match=layer):
        Wiring.from_dict(data)


def test_unknown_mask_is_named(data):
    data["masks"]["cortex"] = [[1]]
    with pytest.raises(ValueError, match="cortex"):
        Wiring.from_dict(data)


@pytest.mark.parametrize("layer", [*LAYERS, "recurrent"])
@pytest.mark.parametrize("rows", [[[1]], [1], [[1, 0], [1]], []])
def test_wrong_shape_is_refused(data, layer, rows):
    data["masks"][layer] = rows
    with pytest.raises(ValueError):  # noqa: PT011  # ragged rows get PyTorch's words
        Wiring.from_dict(data)


def test_transposed_mask_is_refused_with_both_shapes(data):
    data["masks"]["inter"] = torch.tensor(data["masks"]["inter"]).T.tolist()
    with pytest.raises(ValueError, match=r"inter.*\(3, 6\).*\(6, 3\)"):
        Wiring.from_dict(data)


@pytest.mark.parametrize("layer", [*LAYERS, "recurrent"])
@pytest.mark.parametrize("value", [2, -2, -(2**31), 0.5, -1.5])
def test_foreign_value_is_refused(data, layer, value):
    data["masks"][layer][0][0] = value
    with pytest.raises(ValueError, match=rf"\b{layer}\b"):
        Wiring.from_dict(data)


@pytest.mark.parametrize("value", [2**40, "1", None])
def test_a_value_that_is_no_small_integer_is_refused(data, value):
    data["masks"]["command"][0][0] = value
    with pytest.raises((ValueError, TypeError)):
        Wiring.from_dict(data)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("in_features", 0),
        ("n_neurons", 1),
        ("out_features", 2.5),
        ("sparsity_level", 0.95),
        ("sparsity_level", "0.5"),
        ("seed", 0.5),
        ("builds", "many"),
    ],
)
def test_bad_entry_is_named(data, entry, value):
    data[entry] = value
    with pytest.raises((ValueError, TypeError), match=entry):
        Wiring.from_dict(data)


@pytest.mark.parametrize("data", [None, [], [("version", 1)], "wiring", 3])
def test_what_is_no_mapping_is_refused(data):
    with pytest.raises((TypeError, ValueError), match=r"(?i)mapping|dict"):
        Wiring.from_dict(data)


@pytest.mark.parametrize("masks", [None, [], 3])
def test_masks_that_are_no_mapping_are_refused(data, masks):
    data["masks"] = masks
    with pytest.raises((TypeError, ValueError), match="masks"):
        Wiring.from_dict(data)
