"""What networks of cells in all modes have in common: sequences, times, states."""

import pytest
import torch
from closed_forms import MODES, NETWORKS, OUT, F, H, N, slow
from scans import F64, close, drawn_sequence, gradients_of

from velora.models import CfCLayersNetwork, CfCNetwork
from velora.models.builders import build_cfc, build_cfc_layers, build_ltc
from velora.wiring import Wiring

each_network = pytest.mark.parametrize("name", NETWORKS)


def by_steps(network, x, state, resets, timespans):
    """The outputs, the last state and all states by single calls."""
    h, outputs, states = state, [], []
    for step, now in enumerate(x):
        h = h if resets is None else h.masked_fill(resets[step][:, None], 0)
        t = timespans
        if isinstance(t, torch.Tensor) and t.dim():
            t = t[step]
        y, h = network(now, h, t)
        outputs.append(y.reshape(len(now), -1))
        states.append(h)
    return torch.stack(outputs), h, torch.stack(states)


@each_network
@pytest.mark.parametrize("timespans", [None, 0.4, "(T,)", "(T, B)"])
def test_sequence_equals_its_steps(name, timespans):
    network = NETWORKS[name]().double()
    x, state, options, tensors = drawn_sequence(network, F64, timespans=timespans)
    got = network.forward_sequence(x, state, **options, return_states=True)
    expected = by_steps(network, x, state, **options)
    close(got, expected)
    weights = [torch.randn_like(output) for output in got]
    close(*(gradients_of(each, weights, tensors) for each in (got, expected)))


@each_network
def test_batched_times_equal_their_rows_one_by_one(name):
    network = NETWORKS[name]().double()
    x, times = torch.randn(5, 4, F, dtype=F64), torch.rand(5, 4, dtype=F64)
    y, state = network.forward_sequence(x, timespans=times)
    for row in range(4):
        one = slice(row, row + 1)
        got, last = network.forward_sequence(x[:, one], timespans=times[:, one])
        close([got, last], [y[:, one], state[one]])


@each_network
def test_batch_first_is_the_same(name):
    network = NETWORKS[name]()
    x, times = torch.randn(4, 3, F), torch.rand(4, 3)
    y, state = network.forward_sequence(x, timespans=times)
    got, last = network.forward_sequence(
        x.transpose(0, 1), timespans=times.T, batch_first=True
    )
    close([got.transpose(0, 1), last], [y, state])


@each_network
@pytest.mark.parametrize("batch", [1, 4])
def test_a_single_step_drops_a_batch_of_one(name, batch):
    network = NETWORKS[name]()
    y, state = network(torch.randn(batch, F))
    assert y.shape == ((OUT,) if batch == 1 else (batch, OUT))
    assert state.shape == (batch, network.hidden_size)
    y, _ = network.forward_sequence(torch.randn(5, batch, F))
    assert y.shape == (5, batch, OUT)


@each_network
def test_long_times_are_finite(name):
    network = NETWORKS[name]()
    x = torch.randn(5, 3, F)
    for times in (1e6, torch.full((5, 3), 1e6), float("inf")):
        y, state = network.forward_sequence(x, timespans=times)
        assert y.isfinite().all()
        assert state.isfinite().all()


@each_network
def test_autocast_changes_no_dtype_of_a_state(name):
    network = NETWORKS[name]()
    x, times = torch.randn(5, 3, F), torch.rand(5, 3)
    _, expected = network.forward_sequence(x, timespans=times)
    with torch.autocast("cpu", torch.bfloat16):
        y, state = network.forward_sequence(x, timespans=times)
        y.float().square().sum().backward()
    assert state.dtype == torch.float32
    close([state], [expected], tolerance=0.05)


@pytest.mark.parametrize("mode", MODES)
def test_dense_network_is_a_cell_and_a_linear_layer(mode):
    network = CfCNetwork(F, OUT, n_neurons=H, mode=mode).double()
    assert (network.hidden_size, network.out_features) == (H, OUT)
    x = torch.randn(5, 3, F, dtype=F64)
    states = slow(network.cell, x, network.initial_state(3))
    y, last = network.forward_sequence(x)
    close([y, last], [network.motor(states), states[-1]])


def test_state_is_the_output_of_a_network_without_a_last_layer():
    network = CfCNetwork(F, None, n_neurons=H)
    y, _, states = network.forward_sequence(torch.randn(5, 3, F), return_states=True)
    assert torch.equal(y, states)
    assert network.out_features == H
    assert not list(network.motor.parameters())


def test_builders_have_sizes_of_their_own():
    assert build_cfc(F, OUT).hidden_size == 64
    assert build_cfc_layers(F, OUT).n_neurons == 64
    assert build_cfc_layers(F, OUT, wiring=Wiring(F, N, OUT)).n_neurons == N
    for build in (build_cfc, build_cfc_layers, build_ltc):
        plain, mixed = build(F, OUT), build(F, OUT, mixed_memory=True)
        assert type(mixed.network) is type(plain)
        assert mixed.hidden_size == 2 * plain.hidden_size
    options = {"mode": "pure", "backbone_units": 5, "backbone_layers": 2}
    cell = build_cfc(F, OUT, n_neurons=H, backbone_dropout=0.1, **options).cell
    assert (cell.mode.name, cell.n_hidden) == ("pure", H)
    assert cell.backbone_dropout == 0.1
    assert cell.deep_weight.shape == (1, 5, 5)


def test_initial_values_are_of_the_scale_of_their_inputs():
    cell = CfCNetwork(8, None, n_neurons=60, mode="pure", backbone_layers=2).cell
    for weight in (cell.weight[0], cell.backbone_weight, cell.deep_weight[0]):
        bound = (6 / sum(weight.shape)) ** 0.5
        assert 0.95 * bound < weight.abs().max() <= bound
    for bias, weight in (
        (cell.bias, cell.weight),
        (cell.backbone_bias, cell.backbone_weight),
        (cell.deep_bias, cell.deep_weight),
    ):
        bound = weight.shape[-1] ** -0.5
        assert 0.8 * bound < bias.abs().max() <= bound
    before = cell.weight.clone()
    cell.reset_parameters()
    assert not torch.equal(cell.weight, before)


@pytest.mark.parametrize("mode", MODES)
def test_layers_are_three_cells_in_a_row(mode):
    network = CfCLayersNetwork(F, N, OUT, mode=mode).double()
    counts = network.counts
    assert network.hidden_size == network.n_units == N + OUT
    x, state = torch.randn(5, 3, F, dtype=F64), torch.randn(3, N + OUT, dtype=F64)
    y, last, states = network.forward_sequence(x, state, return_states=True)
    sizes = counts.inter, counts.command, counts.motor
    expected, given = [], x
    for cell, before in zip(network.cells, state.split(sizes, dim=1), strict=True):
        given = slow(cell, given, before)
        expected.append(given)
    close([y, states], [given, torch.cat(expected, dim=2)])
    assert torch.equal(last, states[-1])
