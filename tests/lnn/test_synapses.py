"""synapses: the masks, signed by what is computed."""

import pytest
import torch
from torch.func import jacrev

from velora.models.lnn import NCPNetwork
from velora.wiring import draw


def test_signs_of_a_sparse_layer_are_those_of_its_weights(make_network, network_type):
    network = make_network(network_type, (3, 20, 2))
    for name in ("inter", "motor"):
        layer = getattr(network, name)
        expected = torch.sign(layer.weight * layer.mask).T.int()
        shown = getattr(network.synapses, name)
        assert torch.equal(shown, expected)
        assert shown.dtype == torch.int32
        assert set(shown.unique().tolist()) == {-1, 0, 1}


def test_command_signs_of_a_sparse_network_are_those_of_its_weights(make_network):
    network = make_network(NCPNetwork)
    layer = network.command
    expected = torch.sign(layer.weight * layer.mask).T.int()
    assert torch.equal(network.synapses.command, expected)
    assert network.synapses.recurrent is None


def test_command_signs_of_a_liquid_network_are_those_of_its_jacobian(
    make_recurrent, reference
):
    network = make_recurrent()

    def output(x, hidden):
        return reference.cell(network.command, x[None], hidden[None])[0][0]

    zeros = torch.zeros(6).double(), torch.zeros(4).double()
    from_inter, from_state = jacrev(output, argnums=(0, 1))(*zeros)
    synapses = network.synapses
    assert torch.equal(synapses.command, torch.sign(from_inter).T.int())
    assert torch.equal(synapses.recurrent, torch.sign(from_state).T.int())
    assert (synapses.recurrent != 0).all()


def test_places_are_those_of_the_masks(make_network, network_type):
    network = make_network(network_type)
    masks, synapses = dict(network.masks.items()), dict(network.synapses.items())
    assert masks.keys() == synapses.keys()
    for name, mask in masks.items():
        assert torch.equal(synapses[name].abs(), mask.abs())


def test_a_weight_of_zero_counts_as_exciting(network_type):
    network = network_type(3, 10, 2, init_type="zero")
    for name, mask in network.synapses.items():
        assert torch.equal(mask, dict(network.masks.items())[name].abs())


def test_a_sign_follows_its_weight(make_network, network_type):
    network = make_network(network_type)
    before = network.synapses
    for layer in (network.inter, network.motor):
        layer.weight.data.neg_()
    after = network.synapses
    assert torch.equal(after.inter, -before.inter)
    assert torch.equal(after.motor, -before.motor)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_synapses_are_shown_in_evaluation_too(make_network, network_type, mode):
    network = make_network(network_type)
    expected = network.synapses
    with mode():
        assert network.synapses == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_synapses_are_shown_in_any_dtype(make_network, network_type, dtype):
    network = make_network(network_type, dtype=dtype)
    assert set(network.synapses.inter.unique().tolist()) == {-1, 0, 1}


def test_a_network_can_be_drawn(make_network, network_type, tmp_path):
    network = make_network(network_type)
    draw(network.synapses, tmp_path / "network.png")
    draw(network.wiring, tmp_path / "wiring.png")
    assert (tmp_path / "network.png").stat().st_size > 10_000
    assert (tmp_path / "wiring.png").stat().st_size > 10_000
