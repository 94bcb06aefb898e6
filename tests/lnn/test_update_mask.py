"""A new mask takes effect at once, and everywhere."""

import copy
import io
import pickle

import pytest
import torch

from velora.models.lnn import NCPNetwork, SparseLinear
from velora.models.lnn.recurrent import RecurrentNCPNetwork


def layers(module):
    return [part for part in module.modules() if isinstance(part, SparseLinear)]


def pickled(module):
    return pickle.loads(pickle.dumps(module))


def saved(module):
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


def loaded(module):
    other = type(module)(4, 3, torch.ones(4, 3)).to(module.heads[-1].weight.dtype)
    other.load_state_dict(module.state_dict())
    return other


def assigned(module):
    other = type(module)(4, 3, torch.ones(4, 3), device="meta")
    other.load_state_dict(module.state_dict(), assign=True)
    return other


def assigned_apart(module):
    # As from a file format that does not know of shared tensors.
    other = type(module)(4, 3, torch.ones(4, 3))
    state = {name: value.clone() for name, value in module.state_dict().items()}
    other.load_state_dict(state, assign=True)
    return other


def emptied(module):
    state = copy.deepcopy(module.state_dict())
    module.to_empty(device="cpu")
    module.load_state_dict(state)
    return module


JOURNEYS = {
    "nothing": lambda module: module,
    "double": lambda module: module.double(),
    "half and back": lambda module: module.bfloat16().float(),
    "deepcopy": copy.deepcopy,
    "deepcopy of a deepcopy": lambda module: copy.deepcopy(copy.deepcopy(module)),
    "pickle": pickled,
    "torch.save": saved,
    "load_state_dict": loaded,
    "load_state_dict(assign=True)": assigned,
    "load_state_dict(assign=True) of clones": assigned_apart,
    "to_empty": emptied,
    "share_memory": lambda module: module.share_memory(),
    "all of them": lambda module: assigned(loaded(pickled(copy.deepcopy(module)))),
}


@pytest.mark.parametrize("journey", JOURNEYS)
def test_update_reaches_every_head_after_any_journey(
    make_cell, reference, signed_mask, journey
):
    cell = JOURNEYS[journey](make_cell(4, 3, torch.float32))
    dtype = cell.heads[-1].weight.dtype
    mask = -signed_mask(4, 3).flip(0)
    cell.update_mask(mask)
    expected = torch.cat((mask.abs().T.to(dtype), torch.ones(3, 3, dtype=dtype)), dim=1)
    assert torch.equal(cell.sparsity_mask, expected)
    for head in layers(cell):
        assert torch.equal(head.mask, expected)
        assert head.mask.data_ptr() == cell.sparsity_mask.data_ptr()
    x, hidden = torch.randn(2, 4, dtype=dtype), torch.randn(2, 3, dtype=dtype)
    torch.testing.assert_close(
        cell(x, hidden), reference.cell(cell, x, hidden), rtol=1e-5, atol=1e-5
    )


def test_a_copy_does_not_hear_of_it(make_cell, signed_mask):
    cell = make_cell(4, 3)
    copied = copy.deepcopy(cell)
    before = copied.sparsity_mask.clone()
    cell.update_mask(torch.ones(4, 3))
    assert torch.equal(copied.sparsity_mask, before)
    assert torch.equal(copied.heads[-1].mask, before)


def test_the_state_stays_dense(make_cell):
    cell = make_cell(4, 3)
    cell.update_mask(torch.zeros(4, 3))
    assert not cell.sparsity_mask[:, :4].any()
    assert (cell.sparsity_mask[:, 4:] == 1).all()


def test_the_callers_mask_may_change_afterwards(cell_type):
    for dtype in (torch.int32, torch.float32, torch.float64):
        mask = torch.ones(4, 3, dtype=dtype)
        cell = cell_type(4, 3, mask)
        mask.zero_()
        assert (cell.sparsity_mask == 1).all()
        cell.update_mask(mask)
        mask.fill_(1)
        assert not cell.sparsity_mask[:, :4].any()


def test_a_refused_mask_changes_nothing(make_cell):
    cell = make_cell(4, 3)
    before = cell.sparsity_mask.clone()
    with pytest.raises(ValueError, match="mask"):
        cell.update_mask(torch.ones(3, 4))
    assert torch.equal(cell.sparsity_mask, before)


def new_masks(network):
    """Replaces all three masks of a network; returns them as (from, to)."""
    counts = network.counts
    inter = torch.zeros(counts.sensory, counts.inter)
    command = torch.zeros(counts.inter, counts.command)
    motor = torch.zeros(counts.command, counts.motor)
    inter[0], command[:, 1], motor[1] = 1, 1, 1
    network.inter.update_mask(inter.T)
    if isinstance(network, RecurrentNCPNetwork):
        network.command.update_mask(-command)
    else:
        network.command.update_mask(command.T)
    network.motor.update_mask(motor.T)
    return {"inter": inter, "command": command, "motor": motor}


def test_network_shows_and_computes_with_the_new_masks(
    make_network, network_type, reference
):
    network = make_network(network_type)
    x = torch.randn(5, 3, dtype=torch.float64)
    expected = new_masks(network)
    assert network.wiring.masks == network.masks
    for name, mask in expected.items():
        assert torch.equal(getattr(network.masks, name).abs(), mask.int())
    if network_type is NCPNetwork:
        torch.testing.assert_close(network(x), reference.ncp(network, x))
    else:
        hidden = torch.randn(5, 4, dtype=torch.float64)
        slow = reference.recurrent(network, x, hidden)
        torch.testing.assert_close(network(x, hidden), slow)
        fast, _ = network.forward_sequence(x[None], hidden)
        torch.testing.assert_close(fast[0], slow[0])
        torch.testing.assert_close(network.frozen_step()(x, hidden), slow)


def test_parameter_counts_follow_the_new_masks(make_network, network_type):
    network = make_network(network_type)
    total = network.total_params
    new_masks(network)
    assert network.total_params == total
    assert network.active_params == sum(
        int((layer.mask != 0).sum()) + layer.bias.numel() for layer in layers(network)
    )


def test_masks_shown_are_copies(make_network, network_type):
    network = make_network(network_type)
    before = copy.deepcopy(network.state_dict())
    for source in (network.masks, network.wiring.masks, network.synapses):
        for _, mask in source.items():
            mask.fill_(1)
    network.wiring.build()
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_weight_set_free_learns(make_sparse):
    layer = make_sparse(4, 3)
    layer.update_mask(torch.zeros(3, 4))
    x = torch.randn(5, 4, dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer.bias.expand(5, 3))
    layer.update_mask(torch.ones(3, 4))
    layer(x).square().sum().backward()
    assert layer.weight.grad.all()


def test_update_under_inference_mode_reaches_training(make_sparse):
    layer = make_sparse(4, 3)
    with torch.inference_mode():
        layer.update_mask(torch.ones(3, 4))
    layer(torch.randn(5, 4, dtype=torch.float64)).sum().backward()
    assert layer.weight.grad.all()
