"""A mask is who is connected to whom: 0 and 1 in layers, and nothing else, ever."""

import copy
import io

import pytest
import torch

from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork, NCPNetwork
from velora.models.lnn import SparseLinear

KINDS = [NCPNetwork, LiquidNCPNetwork, GatedLeakyNCPNetwork]
each_kind = pytest.mark.parametrize("kind", KINDS)


def masks_of(network):
    return {n: b.clone() for n, b in network.named_buffers(remove_duplicate=False)}


def averaged(networks):
    """Returns the mean of state dicts, as scripts that average agents compute it."""
    states = [network.state_dict() for network in networks]
    return {k: sum(s[k].float() for s in states) / len(states) for k in states[0]}


@pytest.mark.parametrize("bad", [0.5, 2, -1, float("nan"), 255])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_other_numbers_are_refused_in_a_layer(bad, dtype):
    mask = torch.ones(2, 3, dtype=dtype)
    layer = SparseLinear(3, 2, mask)
    mask[1, 2] = bad
    kept = layer.mask.clone()
    for use in (lambda: SparseLinear(3, 2, mask), lambda: layer.update_mask(mask)):
        with pytest.raises(ValueError, match=r"`mask` must hold 0 .* and 1 .*; got \["):
            use()
    assert torch.equal(layer.mask, kept)


@pytest.mark.parametrize("bad", [0.5, 2, -2, float("nan")])
def test_other_numbers_are_refused_in_a_cell(cell_type, bad):
    mask = torch.tensor([[1.0, -1, 0], [0, 1, -1]])
    cell = cell_type(2, 3, mask)
    mask[0, 0] = bad
    kept = cell.sparsity_mask.clone()
    for use in (lambda: cell_type(2, 3, mask), lambda: cell.update_mask(mask)):
        with pytest.raises(ValueError, match=r"-1 \(inhibitory\), 0 \(none\) and 1"):
            use()
    assert torch.equal(cell.sparsity_mask, kept)


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int64, torch.float64, torch.bfloat16]
)
def test_zero_and_one_of_any_dtype_are_taken(dtype):
    mask = torch.tensor([[1, 0, 1], [0, 1, 1]]).to(dtype)
    layer = SparseLinear(3, 2, mask)
    assert layer.mask.dtype == torch.bool
    assert torch.equal(layer.mask, mask.bool())


@each_kind
@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_averaged_masks_are_refused(kind, assign, strict):
    network = kind(3, 10, 2)
    state = averaged([kind(3, 10, 2) for _ in range(3)])
    before = masks_of(network)
    with pytest.raises(RuntimeError, match=r"must hold 0.*leave the mask entries"):
        network.load_state_dict(state, strict=strict, assign=assign)
    after = masks_of(network)
    assert all(torch.equal(after[name], before[name]) for name in before)


@each_kind
@pytest.mark.parametrize("assign", [False, True])
def test_state_without_masks_is_loaded_strictly(kind, assign):
    network, other = kind(3, 10, 2), kind(3, 10, 2)
    wiring = network.wiring
    state = {k: v for k, v in other.state_dict().items() if not k.endswith("mask")}
    network.load_state_dict(copy.deepcopy(state), assign=assign)
    assert network.wiring == wiring
    for name, value in state.items():
        assert torch.equal(network.state_dict()[name], value)


@pytest.mark.parametrize("name", ["sparsity_mask", "f_head.mask", "proj.mask"])
@pytest.mark.parametrize("assign", [False, True])
def test_heads_of_a_cell_with_several_masks_are_refused(name, assign):
    network = GatedLeakyNCPNetwork(3, 10, 2)
    before, state = masks_of(network), copy.deepcopy(network.state_dict())
    state[f"command.{name}"] = ~state[f"command.{name}"]
    with pytest.raises(RuntimeError, match=r"must be equal.*`update_mask`"):
        network.load_state_dict(state, assign=assign)
    after = masks_of(network)
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("name", ["sparsity_mask", "f_head.mask", "proj.mask"])
@pytest.mark.parametrize("assign", [False, True])
def test_one_mask_of_a_cell_is_enough(name, assign):
    network, other = GatedLeakyNCPNetwork(3, 10, 2), GatedLeakyNCPNetwork(3, 10, 2)
    state = {
        key: value
        for key, value in copy.deepcopy(other.state_dict()).items()
        if not (key.startswith("command.") and key.endswith("mask"))
    }
    state[f"command.{name}"] = other.command.sparsity_mask.clone()
    network.load_state_dict(state, assign=assign)
    assert network.wiring == other.wiring
    assert len({id(head.mask) for head in network.command.heads}) == 1


@pytest.mark.parametrize("kind", [LiquidNCPNetwork, GatedLeakyNCPNetwork])
def test_mask_that_is_assigned_is_that_of_all_heads(kind):
    network = kind(3, 10, 2)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()  # where there is no synapse as well
    other = kind(3, 10, 2).command.sparsity_mask.clone()
    network.command.sparsity_mask = other
    assert all(head.mask is other for head in network.command.heads)
    x = torch.randn(1, 4, 3)
    torch.testing.assert_close(network.forward_sequence(x)[0][0], network(x[0])[0])


@each_kind
def test_state_without_a_weight_is_still_refused(kind):
    network = kind(3, 10, 2)
    state = network.state_dict()
    del state["inter.weight"]
    with pytest.raises(RuntimeError, match=r"Missing key.*inter\.weight"):
        network.load_state_dict(state)


@each_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.bool])
@pytest.mark.parametrize("assign", [False, True])
def test_masks_of_older_states_are_taken(kind, dtype, assign):
    network, other = kind(3, 10, 2), kind(3, 10, 2)
    state = {
        name: value.to(dtype) if name.endswith("mask") else value
        for name, value in other.state_dict().items()
    }
    network.load_state_dict(state, assign=assign)
    assert network.wiring == other.wiring
    assert {buffer.dtype for buffer in network.buffers()} == {torch.bool}
    x = torch.randn(4, 3)
    torch.testing.assert_close(network(x), other(x))


@each_kind
def test_noise_on_masks_is_loud(kind):
    mask = kind(3, 10, 2).state_dict()["inter.mask"]
    with pytest.raises((RuntimeError, NotImplementedError)):
        mask.add_(torch.randn_like(mask), alpha=0.1)
    with pytest.raises(RuntimeError):
        mask.mul_(0.5)


@each_kind
def test_masks_survive_what_moves_a_network(kind):
    network = kind(3, 10, 2)
    wiring = network.wiring
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    for other in (
        copy.deepcopy(network),
        torch.load(file, weights_only=False),
        copy.deepcopy(network).half().double(),
    ):
        assert other.wiring == wiring
        assert {buffer.dtype for buffer in other.buffers()} == {torch.bool}


@each_kind
@pytest.mark.parametrize("layer", ["inter", "motor"])
def test_density_is_shown_on_every_device(kind, layer):
    network, meta = kind(3, 10, 2), kind(3, 10, 2, device="meta")
    meta.load_state_dict(network.state_dict(), assign=True)
    assert repr(meta) == repr(network)
    assert "density=" in repr(kind(3, 10, 2, device="meta").get_submodule(layer))
