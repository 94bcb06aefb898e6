"""Modules live where they are made and go where they are moved."""

import pytest
import torch

from velora.models.lnn import NCPNetwork, SparseLinear
from velora.models.lnn.recurrent import RecurrentNCPNetwork

INIT_TYPES = (
    "kaiming_uniform",
    "xavier",
    "orthogonal",
    "trunc_normal",
    "sonar",
    "zero",
)


def run(network, device="meta"):
    x = torch.ones(4, 5, 3, device=device)
    outputs = [network(x[0])]
    if isinstance(network, RecurrentNCPNetwork):
        outputs = [
            *network(x[0]),
            *network.forward_sequence(
                x, resets=x[..., 0] > 2, timespans=x[..., 0], return_states=True
            ),
        ]
    return outputs


@pytest.mark.parametrize("init_type", INIT_TYPES)
def test_network_is_made_on_the_meta_device(network_type, init_type):
    network = network_type(3, 10, 2, init_type=init_type, device="meta")
    assert network.device.type == "meta"
    for value in (*network.parameters(), *network.buffers()):
        assert value.device.type == "meta"
    outputs = run(network)
    assert outputs[0].shape == (5, 2)
    assert all(output.device.type == "meta" for output in outputs)


@pytest.mark.parametrize("device", ["meta", torch.device("meta")])
def test_layers_are_made_on_the_meta_device(device, cell_type):
    layer = SparseLinear(3, 2, torch.ones(2, 3), device=device)
    cell = cell_type(3, 2, torch.ones(3, 2), device=device)
    x = torch.ones(5, 3, device="meta")
    assert layer(x).shape == (5, 2)
    assert cell(x, torch.ones(5, 2, device="meta"))[0].shape == (5, 2)
    for module in (layer, cell):
        for value in (*module.parameters(), *module.buffers()):
            assert value.device.type == "meta"


def test_the_default_device_is_followed(network_type):
    with torch.device("meta"):
        network = network_type(3, 10, 2)
        assert network.device.type == "meta"
        assert network(torch.ones(5, 3)) is not None
    for value in (*network.parameters(), *network.buffers()):
        assert value.device.type == "meta"


def test_a_device_given_beats_the_default(network_type):
    with torch.device("meta"):
        network = network_type(3, 10, 2, device="cpu")
        masks = network.masks
    assert network.device.type == "cpu"
    assert network.masks == masks
    run(network, "cpu")


def test_the_wiring_is_the_same_on_every_device(network_type):
    torch.manual_seed(4)
    expected = network_type(3, 10, 2)
    torch.manual_seed(4)
    network = network_type(3, 10, 2, device="meta")
    state = network.to_empty(device="cpu").state_dict()
    assert state.keys() == expected.state_dict().keys()
    torch.manual_seed(4)
    wiring = network_type(3, 10, 2).wiring
    assert wiring == expected.wiring


def test_no_device_is_remembered_from_construction(network_type):
    network = network_type(3, 10, 2).to("meta")
    assert network.device.type == "meta"
    assert all(output.device.type == "meta" for output in run(network))
    if network_type is not NCPNetwork:
        assert network.initial_state(2).device.type == "meta"
    network.to_empty(device="cpu")
    assert network.device.type == "cpu"
    network.load_state_dict(network_type(3, 10, 2).state_dict())
    assert all(output.isfinite().all() for output in run(network, "cpu"))


def test_repr_and_sizes_need_no_data(network_type):
    network = network_type(3, 10, 2, device="meta")
    assert "in_features=3" in repr(network)
    assert network.counts.inter == 6
    assert network.total_params == sum(p.numel() for p in network.parameters())


def test_update_mask_takes_a_mask_from_any_device():
    layer = SparseLinear(3, 2, torch.ones(2, 3), device="meta")
    layer.update_mask(torch.zeros(2, 3))
    assert layer.mask.device.type == "meta"
