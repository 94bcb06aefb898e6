"""The network of liquid time-constant neurons: its order, its wiring, its laws."""

import pytest
import torch
from circuits import OUT, PATHS, SIZES, WIRINGS, F, N, slow, taken
from scans import F64, close, drawn_sequence, gradients_of

from velora.models import LTCNetwork
from velora.models.builders import build_ltc
from velora.utils import active_parameters
from velora.wiring import Wiring


def reference(network, x, state, resets=None, timespans=None):
    """The network from its parameters and masks alone, by the equations."""
    cell = network.cell

    def positive(values):
        return torch.log1p(torch.exp(values)) if cell.positive else values

    neurons = [positive(cell.leak), cell.leak_potential, positive(cell.capacitance)]
    synapses = [positive(cell.weight), cell.reversal, cell.mu, cell.sigma]
    if timespans is not None:
        timespans = timespans.reshape(len(x), -1, 1).expand(*x.shape[:2], 1)
    states = slow(
        x * network.sensory.weight + network.sensory.bias,
        state,
        torch.stack(neurons),
        torch.stack(synapses),
        cell.sparsity_mask,
        timespans,
        resets,
        cell.ode_unfolds,
    )
    y = states[..., :OUT] * network.motor.weight + network.motor.bias
    return y, states[-1], states


def filled(network):
    """Gives the affine layers numbers that hide nothing."""
    with torch.no_grad():
        for layer in (network.sensory, network.motor):
            layer.weight.uniform_(0.5, 2)
            layer.bias.uniform_(-1, 1)
    return network


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("timespans", [None, "(T,)", "(T, B)"])
def test_sequence_equals_the_equations(monkeypatch, wiring, name, timespans):
    network = filled(LTCNetwork(*SIZES, wiring=WIRINGS[wiring]).to(PATHS[name]))
    x, state, options, tensors = drawn_sequence(
        network, PATHS[name], timespans=timespans
    )
    with taken(monkeypatch, name):
        outputs = network.forward_sequence(x, state, **options, return_states=True)
        weights = [torch.randn_like(output) for output in outputs]
        got = gradients_of(outputs, weights, tensors)
    expected = reference(network, x, state, **options)
    close(outputs, expected)
    close(got, gradients_of(expected, weights, tensors))


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("unfolds", [1, 4])
def test_sequence_equals_its_steps(monkeypatch, name, positive, unfolds):
    network = LTCNetwork(*SIZES, positive=positive, ode_unfolds=unfolds).to(PATHS[name])
    x, state, options, tensors = drawn_sequence(
        network, PATHS[name], timespans="(T, B)"
    )

    def by_steps():
        h, outputs, states = state, [], []
        for now, reset, t in zip(x, *options.values(), strict=True):
            h = h.masked_fill(reset[:, None], 0)
            y, h = network(now, h, t)
            outputs.append(y)
            states.append(h)
        return torch.stack(outputs), h, torch.stack(states)

    with taken(monkeypatch, name):
        got, expected = (
            network.forward_sequence(x, state, **options, return_states=True),
            by_steps(),
        )
    weights = [torch.randn_like(output) for output in got]
    close(got, expected)
    close(*(gradients_of(each, weights, tensors) for each in (got, expected)))


def test_all_neurons_are_one_state_motor_first():
    network = LTCNetwork(*SIZES)
    counts = network.counts
    assert network.hidden_size == network.n_units == N + OUT
    assert network.initial_state(5).shape == (5, N + OUT)
    x = torch.randn(4, 5, F)
    y, _, states = network.forward_sequence(x, return_states=True)
    assert torch.equal(y, states[..., :OUT])  # as the affine layers start
    # An input reaches inter neurons alone in a single unfold, the last ones.
    cell = LTCNetwork(*SIZES, ode_unfolds=1).cell
    a, b = (cell(x, torch.zeros(2, N + OUT))[1] for x in torch.randn(2, 2, F))
    moved = (a != b).any(0)
    assert not moved[: OUT + counts.command].any()
    assert moved[OUT + counts.command :].all()


@pytest.mark.parametrize("name", WIRINGS)
def test_every_synapse_of_a_wiring_is_used(name):
    network = LTCNetwork(*SIZES, wiring=WIRINGS[name]).double()
    x = torch.randn(4, 5, F, dtype=F64)
    network.forward_sequence(x)[0].square().sum().backward()
    mask = network.cell.sparsity_mask
    for parameter in ("weight", "reversal", "mu", "sigma"):
        assert torch.equal(getattr(network.cell, parameter).grad != 0, mask)
    drawn = network._drawn.masks
    for kind, layer in network.masks.items():
        assert torch.equal(layer, getattr(drawn, kind).abs())
    assert mask.sum() == sum(int(layer.abs().sum()) for _, layer in drawn.items())
    assert network.wiring == network._drawn.with_masks(network.masks)


@pytest.mark.parametrize("name", WIRINGS)
def test_polarity_is_where_reversal_potentials_start_and_shows_as_the_effect(name):
    network = LTCNetwork(*SIZES, wiring=WIRINGS[name])
    assert network.synapses == network._drawn.masks
    for kind, effect in network.effects.items():
        assert torch.equal(effect.sign().int(), getattr(network._drawn.masks, kind))
    cell = network.cell
    assert set(cell.reversal[cell.sparsity_mask].unique().tolist()) == {-1.0, 1.0}


def test_effects_are_those_of_the_numbers_that_are_learned():
    network = LTCNetwork(*SIZES)
    before = network.effects
    with torch.no_grad():
        network.cell.reversal.neg_()
    for (_, now), (_, then) in zip(
        network.effects.items(), before.items(), strict=True
    ):
        assert torch.equal(now.sign(), -then.sign())
    with torch.inference_mode():
        assert network.effects == network.effects


def test_initial_values_are_in_the_ranges_of_the_paper():
    cell = LTCNetwork(8, 60, 4).cell
    ranges = {
        "leak": (0.001, 1),
        "leak_potential": (-0.2, 0.2),
        "capacitance": (0.4, 0.6),
        "weight": (0.001, 1),
        "mu": (0.3, 0.8),
        "sigma": (3, 8),
    }
    for name, (low, high) in ranges.items():
        value = getattr(cell, name)
        assert low <= value.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < value.max() <= high
    reversal = cell.reversal.clone()
    weight = cell.weight.clone()
    cell.reset_parameters()
    assert torch.equal(cell.reversal, reversal)
    assert not torch.equal(cell.weight, weight)


def test_parameters_without_a_synapse_do_not_count():
    network = LTCNetwork(*SIZES)
    synapses = int(network.cell.sparsity_mask.sum())
    others = 2 * F + 2 * OUT + 3 * (N + OUT)
    assert network.active_params == others + 4 * synapses
    assert network.total_params == others + 4 * (N + OUT) * (F + N + OUT)
    assert LTCNetwork(*SIZES, device="meta").cell.n_synapses > 0
    assert active_parameters(network.cell) == 3 * (N + OUT) + 4 * synapses


def test_batch_first_is_the_same():
    network = LTCNetwork(*SIZES)
    x, times = torch.randn(4, 3, F), torch.rand(4, 3)
    y, state = network.forward_sequence(x, timespans=times)
    got, last = network.forward_sequence(
        x.transpose(0, 1), timespans=times.T, batch_first=True
    )
    close([got.transpose(0, 1), last], [y, state])


def test_builder_has_a_size_of_its_own():
    assert build_ltc(3, 2).n_neurons == 64
    ready = Wiring(3, 10, 2)
    assert build_ltc(3, 2, wiring=ready).n_neurons == 10
    network = build_ltc(3, 2, n_neurons=9, ode_unfolds=2, positive=False)
    assert (network.n_neurons, network.cell.ode_unfolds) == (9, 2)
    assert not network.cell.positive


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_single_step_drops_a_batch_of_one(steps, batch):
    network = LTCNetwork(*SIZES)
    y, _ = network(torch.randn(batch, F))
    assert y.shape == ((OUT,) if batch == 1 else (batch, OUT))
    y, _ = network.forward_sequence(torch.randn(steps, batch, F))
    assert y.shape == (steps, batch, OUT)
