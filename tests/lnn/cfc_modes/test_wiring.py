"""What a network in layers shows of its wiring, and that it obeys it."""

import matplotlib
import pytest
import torch
from closed_forms import MODES, OUT, F, N
from scans import F64, close

from velora.models import CfCLayersNetwork
from velora.models.lnn.cfc_modes.cell import CELLS
from velora.utils import active_parameters
from velora.wiring import Wiring, dense, draw, random, small_world

WIRINGS = {"ncp": Wiring, "dense": dense, "random": random, "small world": small_world}
each_mode = pytest.mark.parametrize("mode", MODES)


@pytest.mark.parametrize("name", WIRINGS)
def test_masks_are_those_of_the_wiring_but_for_the_states(name):
    network = CfCLayersNetwork(F, N, OUT, wiring=WIRINGS[name])
    for kind in ("inter", "command", "motor"):
        there = getattr(network._drawn.masks, kind).abs()
        assert torch.equal(getattr(network.masks, kind), there)
    assert network.masks.recurrent.all()  # the neurons of a layer read each other
    assert network.wiring == network._drawn.with_masks(network.masks)


@each_mode
def test_weights_without_a_synapse_have_no_effect_and_no_gradient(mode):
    network = CfCLayersNetwork(F, N, OUT, mode=mode).double()
    x = torch.randn(5, 3, F, dtype=F64)
    times = torch.rand(5, 3, dtype=F64)
    y, _ = network.forward_sequence(x, timespans=times)
    y.square().sum().backward()
    for cell in network.cells:
        masked = cell.mode.n_masked
        apart = ~cell.sparsity_mask
        assert apart.any()
        assert not cell.weight.grad[:masked, apart].any()
        assert cell.weight.grad[:masked, ~apart].all()
        assert cell.weight.grad[masked:].all()  # heads of time read all
        assert not cell.weight.detach()[:masked, apart].any()
        with torch.no_grad():
            cell.weight[:masked, apart] = 1e3
    close(network.forward_sequence(x, timespans=times)[:1], [y])
    close([network(x[0])[0]], [network.forward_sequence(x[:1])[0][0]])


@each_mode
def test_parameters_without_a_synapse_do_not_count(mode):
    network = CfCLayersNetwork(F, N, OUT, mode=mode)
    gone = sum(
        cell.mode.n_masked * int((~cell.sparsity_mask).sum()) for cell in network.cells
    )
    assert gone
    assert network.active_params == network.total_params - gone
    for cell in network.cells:
        assert cell.n_synapses == int(cell.mask.sum())
    twin = CfCLayersNetwork(F, N, OUT, mode=mode, device="meta")
    assert 0 < twin.active_params < twin.total_params
    dense = CELLS[mode](F, 5)
    assert active_parameters(dense) == sum(p.numel() for p in dense.parameters())
    assert dense.n_synapses == dense.weight.numel()


@each_mode
def test_effects_are_the_jacobians_of_the_cells_at_rest(mode):
    network = CfCLayersNetwork(F, N, OUT, mode=mode).double()
    for kind, cell in zip(("inter", "command", "motor"), network.cells, strict=True):
        zeros = torch.zeros(1, cell.in_features, dtype=F64, requires_grad=True)
        y, _ = cell(zeros, torch.zeros(1, cell.n_hidden, dtype=F64))
        rows = [torch.autograd.grad(n, zeros, retain_graph=True)[0] for n in y[0]]
        expected = torch.cat(rows).T * getattr(network.masks, kind)
        close([getattr(network.effects, kind)], [expected])
    signs = dict(network.effects.items())
    for kind, synapses in network.synapses.items():
        assert torch.equal(synapses.abs(), getattr(network.masks, kind))
        assert torch.equal(synapses < 0, signs[kind] < 0)
    assert (signs["recurrent"] < 0).any()
    with torch.inference_mode():
        assert network.effects == network.effects


def test_it_is_drawn_with_its_effects():
    matplotlib.use("agg")
    network = CfCLayersNetwork(F, N, OUT)
    figure = draw(network.effects)
    assert figure.axes


def test_update_mask_is_what_is_computed_with():
    network = CfCLayersNetwork(F, N, OUT)
    signed = -torch.ones(F, network.counts.inter, dtype=torch.int32)
    signed[0] = 0
    network.inter.update_mask(signed)
    assert torch.equal(network.masks.inter, signed.abs())
    assert network.inter.n_synapses == int(network.inter.mask.sum())


@pytest.mark.parametrize("name", WIRINGS)
def test_state_dict_brings_the_wiring_with_it(name):
    one, other = (CfCLayersNetwork(F, N, OUT, wiring=WIRINGS[name]) for _ in range(2))
    other.load_state_dict(one.state_dict())
    assert other.masks == one.masks
    assert other.synapses == one.synapses
    x = torch.randn(4, 3, F)
    assert torch.equal(other.forward_sequence(x)[0], one.forward_sequence(x)[0])
    bare = {k: v for k, v in one.state_dict().items() if "mask" not in k}
    other.load_state_dict(bare)  # keeps the masks that it has
    assert other.masks == one.masks
