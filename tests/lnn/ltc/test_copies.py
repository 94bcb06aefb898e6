"""What a network of liquid time-constant neurons is after it was copied or changed."""

import copy
import pickle

import pytest
import torch
from circuits import OUT, SIZES, WIRINGS, F, N
from scans import F64, close

from velora.models import LTCNetwork, load_network, save_network
from velora.wiring import dense


def test_what_is_written_where_there_is_no_synapse_has_no_effect():
    network = LTCNetwork(*SIZES).double()
    x = torch.randn(4, 3, F, dtype=F64)
    expected = network.forward_sequence(x)
    with torch.no_grad():
        for name in ("weight", "reversal", "mu", "sigma"):
            value = getattr(network.cell, name)
            value.copy_(torch.where(network.cell.sparsity_mask, value, 1e3))
    close(network.forward_sequence(x), expected)
    by_pairs = torch.func.vmap(lambda row: network(row[None])[1][0])(x[0])
    close([by_pairs], [network(x[0])[1]])


def test_update_mask_is_what_is_computed_with():
    network = LTCNetwork(*SIZES)
    cell = network.cell
    other = LTCNetwork(*SIZES, wiring=dense)
    signed = torch.zeros(F + N + OUT, N + OUT, dtype=torch.int32)
    signed.copy_(other.cell.sparsity_mask.T)
    signed[:, 0].neg_()
    before = cell.reversal.clone()
    there = cell.sparsity_mask.clone()
    cell.update_mask(signed)
    assert network.masks == other.masks
    assert torch.equal(cell.reversal[there], before[there])
    new = cell.sparsity_mask & ~there
    assert torch.equal(cell.reversal[new], signed.T[new].float())
    x = torch.randn(4, 3, F)
    twin = copy.deepcopy(network)
    twin.load_state_dict(network.state_dict())
    close(network.forward_sequence(x), twin.forward_sequence(x))


@pytest.mark.parametrize(
    "way", ["in place", "uncounted", "loaded", "assigned", "replaced"]
)
def test_another_mask_is_seen_at_once(way):
    network, other = (LTCNetwork(*SIZES).double() for _ in range(2))
    other.load_state_dict({**network.state_dict(), **dict(other.named_buffers())})
    x = torch.randn(4, 3, F, dtype=F64)
    expected = other.forward_sequence(x)
    assert not torch.equal(network.forward_sequence(x)[0], expected[0])
    mask = other.cell.sparsity_mask.clone()
    if way == "in place":
        network.cell.sparsity_mask.copy_(mask)
    elif way == "uncounted":
        network.cell.sparsity_mask.data.copy_(mask)  # PyTorch counts no change
    elif way == "replaced":
        network.cell.sparsity_mask = mask
    else:
        state = {**network.state_dict(), "cell.sparsity_mask": mask}
        network.load_state_dict(state, assign=way == "assigned")
    close(network.forward_sequence(x), expected)
    with torch.inference_mode():
        close(copy.deepcopy(network).forward_sequence(x), expected)


@pytest.mark.parametrize("name", WIRINGS)
def test_state_dict_brings_the_wiring_with_it(name):
    one, other = (LTCNetwork(*SIZES, wiring=WIRINGS[name]) for _ in range(2))
    if name != "dense":
        assert one.masks != other.masks
    other.load_state_dict(one.state_dict())
    assert other.masks == one.masks
    assert other.synapses == one.synapses
    x = torch.randn(4, 3, F)
    assert torch.equal(other.forward_sequence(x)[0], one.forward_sequence(x)[0])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_compute_the_same_and_are_apart(copied):
    network = LTCNetwork(*SIZES)
    x = torch.randn(4, 3, F)
    expected = network.forward_sequence(x)[0]
    twin = copied(network)
    assert torch.equal(twin.forward_sequence(x)[0], expected)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(0.1)
    assert not torch.equal(twin.forward_sequence(x)[0], expected)
    assert torch.equal(network.forward_sequence(x)[0], expected)


def test_a_file_holds_it(tmp_path):
    network = LTCNetwork(*SIZES, ode_unfolds=3, sparsity_level=0.3)
    options = {"n_neurons": N, "ode_unfolds": 3, "sparsity_level": 0.3}
    path = tmp_path / "ltc.safetensors"
    save_network(network, path, name="ltc", options=options)
    twin = load_network(path)
    x = torch.randn(4, 3, F)
    assert torch.equal(twin.forward_sequence(x)[0], network.forward_sequence(x)[0])
    assert twin.masks == network.masks


def test_a_hooked_cell_is_called_at_each_step():
    network = LTCNetwork(*SIZES)
    x = torch.randn(4, 3, F)
    expected = network.forward_sequence(x)
    seen = []
    network.cell.register_forward_hook(lambda *args: seen.append(args[2]))
    close(network.forward_sequence(x), expected)
    assert len(seen) == 4


def test_frozen_step_is_the_step_and_does_not_follow():
    network = LTCNetwork(*SIZES)
    step = network.frozen_step()
    x, state = torch.randn(5, F), torch.randn(5, N + OUT)
    cases = [(x,), (x, state), (x, state, 2.5), (x, state, torch.rand(5))]
    expected = [network(*case) for case in cases]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for case, wanted in zip(cases, expected, strict=True):
        got = step(*case)
        close(got, wanted)
        assert not any(tensor.requires_grad for tensor in got)
