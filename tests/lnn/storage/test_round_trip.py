"""A network comes back from its file as it was, where it is asked for."""

import copy

import pytest
import torch
from network_files import SIZES, assert_alike
from torch import nn

from velora.models import NCPNetwork, load_network, save_network
from velora.models.lnn.recurrent import RecurrentNCPNetwork


@pytest.mark.parametrize("sizes", [(1, 2, 1), (3, 10, 2), (65, 63, 3)])
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16]
)
def test_a_network_comes_back(
    make_network, network_type, path, outputs_of, sizes, dtype
):
    network = make_network(
        network_type, sizes, dtype, sparsity_level=0.3, init_type="xavier"
    )
    assert save_network(network, str(path)) is None
    assert_alike(load_network(str(path)), network, outputs_of)


def test_other_masks_come_back(saved, path, outputs_of):
    for layer in (saved.inter, saved.motor):
        layer.update_mask(~layer.mask)
    if isinstance(saved, RecurrentNCPNetwork):
        cell = saved.command
        cell.update_mask(torch.zeros(cell.in_features, cell.n_hidden))
    else:
        saved.command.update_mask(torch.zeros_like(saved.command.mask))
    save_network(saved, path)
    assert_alike(load_network(path), saved, outputs_of)
    assert not load_network(path).masks.command.any()


def test_numbers_that_are_none_come_back(saved, path):
    with torch.no_grad():
        saved.inter.bias.fill_(float("nan"))
        saved.motor.bias.fill_(float("-inf"))
    save_network(saved, path)
    network = load_network(path)
    assert network.inter.bias.isnan().all()
    assert network.motor.bias.isneginf().all()


def test_a_network_that_came_back_is_saved_the_same(saved, path):
    before = path.read_bytes()
    save_network(load_network(path), path)
    assert path.read_bytes() == before


def test_a_network_that_came_back_learns(saved, path, outputs_of):
    network = load_network(path)
    assert all(isinstance(value, nn.Parameter) for value in network.parameters())
    outputs_of(network, torch.randn(4, 3))[0].sum().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_heads_share_one_mask_after_loading(make_recurrent, path):
    save_network(make_recurrent(SIZES, torch.float32), path)
    for network in (load_network(path), load_network(path).double()):
        cell = network.command
        assert all(head.mask is cell.sparsity_mask for head in cell.heads)
        cell.heads[-1].update_mask(torch.zeros_like(cell.sparsity_mask))
        assert not cell.heads[0].mask.any()


def test_what_happens_to_the_file_does_not_reach_the_network(saved, path, outputs_of):
    network = load_network(path)
    with path.open("r+b") as file:  # the same file, not another of its name
        file.write(b"\xff" * path.stat().st_size)
    assert_alike(network, saved, outputs_of)


def test_parameters_tied_by_hand_come_back_apart(path, outputs_of):
    network = NCPNetwork(4, 10, 4)
    network.command.bias = network.motor.bias
    save_network(network, path)
    other = load_network(path)
    assert_alike(other, network, outputs_of)
    assert other.command.bias is not other.motor.bias


def test_weights_that_are_not_contiguous_come_back(saved, path, outputs_of):
    expected = copy.deepcopy(saved)
    weight = saved.inter.weight
    weight.data = weight.data.T.contiguous().T
    assert not weight.is_contiguous()
    save_network(saved, path)
    assert_alike(load_network(path), expected, outputs_of)


def test_saving_and_loading_draw_nothing(saved, path):
    state = torch.get_rng_state()
    save_network(saved, path)
    assert torch.equal(torch.get_rng_state(), state)
    load_network(path)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_device_given_is_taken(saved, path, outputs_of):
    network = load_network(path, device="meta")
    assert all(value.is_meta for value in network.state_dict().values())
    with torch.device("meta"):
        network = load_network(path, device="cpu")
    assert_alike(network, saved, outputs_of)


def test_without_a_device_the_default_is_taken(saved, path):
    assert load_network(path).device == torch.device("cpu")
    with torch.device("meta"):
        network = load_network(path)
    assert all(value.is_meta for value in network.state_dict().values())


def test_saving_does_not_mind_the_default_device(saved, path, outputs_of):
    path.unlink()
    with torch.device("meta"):
        save_network(saved, path)
    assert_alike(load_network(path), saved, outputs_of)


def test_an_unknown_device_is_pytorchs_error(saved, path):
    with pytest.raises(RuntimeError, match="nowhere"):
        load_network(path, device="nowhere")
