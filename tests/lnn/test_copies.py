"""Networks survive deepcopy, pickle and state dictionaries."""

import copy
import io
import pickle

import pytest
import torch

from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork

SIZES = (3, 20, 2)
HEADS = {
    LiquidNCPNetwork: ("g_head", "h_head", "f_head_to_g", "f_head_to_h", "proj"),
    GatedLeakyNCPNetwork: ("f_head", "k_head", "proj"),
}


@pytest.fixture
def x():
    return torch.randn(4, 3, dtype=torch.float64)


@pytest.fixture
def pair(make_network, network_type):
    """A network, and one with other weights and another wiring."""
    network, other = (
        make_network(network_type, SIZES),
        make_network(network_type, SIZES),
    )
    assert network.masks != other.masks
    return network, other


def assert_alike(got, expected, x, outputs_of):
    for ours, theirs in zip(outputs_of(got, x), outputs_of(expected, x), strict=True):
        assert torch.equal(ours, theirs)
    assert got.masks == expected.masks
    assert got.wiring == expected.wiring
    assert got.synapses == expected.synapses
    assert got.counts == expected.counts
    assert got.active_params == expected.active_params
    assert got.n_units == expected.n_units


def test_state_dict_keys_follow_the_attributes(network_type):
    keys = ["inter.weight", "inter.bias", "inter.mask"]
    heads = HEADS.get(network_type)
    keys += ["command.sparsity_mask"] if heads else []
    for layer in [f"command.{head}" for head in heads] if heads else ["command"]:
        keys += [f"{layer}.weight", f"{layer}.bias", f"{layer}.mask"]
    keys += ["motor.weight", "motor.bias", "motor.mask"]
    assert sorted(network_type(*SIZES).state_dict()) == sorted(keys)


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_copies_compute_the_same_and_are_independent(pair, x, outputs_of, clone):
    network, other = pair
    before = outputs_of(network, x)
    copied = clone(network)
    assert_alike(copied, network, x, outputs_of)
    copied.load_state_dict(other.state_dict())
    assert_alike(copied, other, x, outputs_of)
    for got, expected in zip(outputs_of(network, x), before, strict=True):
        assert torch.equal(got, expected)


def test_a_copy_learns_by_itself(pair, x, outputs_of):
    network, _ = pair
    copied = copy.deepcopy(network)
    outputs_of(copied, x)[0].sum().backward()
    assert all(parameter.grad is None for parameter in network.parameters())
    assert any(parameter.grad.any() for parameter in copied.parameters())


def test_load_state_dict_brings_weights_and_wiring(pair, x, outputs_of):
    network, other = pair
    result = other.load_state_dict(network.state_dict())
    assert result.missing_keys == []
    assert result.unexpected_keys == []
    assert_alike(other, network, x, outputs_of)


def test_what_is_loaded_is_copied(pair, x, outputs_of):
    network, other = pair
    other.load_state_dict(network.state_dict())
    expected = copy.deepcopy(network)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.inter.update_mask(torch.zeros_like(network.inter.mask))
    assert_alike(other, expected, x, outputs_of)


def test_load_state_dict_can_assign(pair, x, outputs_of):
    network, other = pair
    other.load_state_dict(network.state_dict(), assign=True)
    assert_alike(other, network, x, outputs_of)


def test_a_state_dict_goes_through_a_file(pair, x, outputs_of):
    network, other = pair
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert_alike(other, network, x, outputs_of)


def test_a_network_made_on_meta_is_filled_from_a_state_dict(
    pair, x, outputs_of, network_type
):
    network, _ = pair
    other = network_type(*SIZES, device="meta")
    other.load_state_dict(network.state_dict(), assign=True)
    assert other.device == torch.device("cpu")
    assert_alike(other, network, x, outputs_of)
    other = network_type(*SIZES, device="meta").to_empty(device="cpu").double()
    other.load_state_dict(network.state_dict())
    assert_alike(other, network, x, outputs_of)


def test_a_part_can_be_loaded_alone(make_recurrent, x):
    network, other = make_recurrent(SIZES), make_recurrent(SIZES)
    other.command.load_state_dict(network.command.state_dict())
    assert torch.equal(other.masks.command, network.masks.command)
    part = {
        key: value
        for key, value in network.state_dict().items()
        if key.startswith("inter.")
    }
    other.load_state_dict(part, strict=False)
    assert torch.equal(other.masks.inter, network.masks.inter)
    other.motor.load_state_dict(network.motor.state_dict())
    assert_alike(other, network, x, lambda net, x: net(x))


def test_another_size_is_refused(network_type):
    with pytest.raises(RuntimeError, match="size mismatch"):
        network_type(3, 20, 2).load_state_dict(network_type(3, 21, 2).state_dict())


def test_reading_attributes_leaves_the_state_alone(pair):
    network, _ = pair
    before = copy.deepcopy(network.state_dict())
    _ = (network.masks, network.wiring, network.synapses, repr(network))
    assert list(network.state_dict()) == list(before)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in network.parameters())
