"""Mixed memory: an LSTM's beside a cell, over time, whichever backend."""

import pytest
import torch
from closed_forms import MODES, OUT, UNITS, F, H, slow_step
from scans import F64, TIMESPANS, close, gradients_of, second_derivatives

from velora.models import CfCNetwork, MixedMemory

each_mode = pytest.mark.parametrize("mode", MODES)


def make(mode, layers=1, dtype=F64):
    options = {"backbone_layers": layers, "backbone_units": UNITS, "mode": mode}
    return MixedMemory(CfCNetwork(F, None, n_neurons=H, **options)).to(dtype)


def drawn(network, timespans=None, steps=5, batch=3):
    """Draws what `forward_sequence` takes, and what is differentiable of it."""
    dtype = network.input_weight.dtype
    x = torch.randn(steps, batch, F, dtype=dtype, requires_grad=True)
    state = torch.randn(batch, 2 * H, dtype=dtype, requires_grad=True)
    tensors = [x, state, *network.parameters()]
    options = {"resets": torch.rand(steps, batch) < 0.3, "timespans": None}
    if timespans:
        shape = (steps, batch, 1)[: TIMESPANS[timespans]]
        options["timespans"] = (3 * torch.rand(shape, dtype=dtype)).requires_grad_()
        tensors.append(options["timespans"])
    return x, state, options, tensors


def run(network, x, state, **options):
    return network.forward_sequence(x, state, **options, return_states=True)[2]


def slow(network, x, state, resets, timespans):
    """The equations, gate by gate, in double precision."""
    weight, bias = network.input_weight.double(), network.input_bias.double()
    recurrent = network.recurrent_weight.double()
    state, states = state.double(), []
    for step, now in enumerate(x.double()):
        state = torch.where(resets[step][:, None], torch.zeros_like(state), state)
        h, c = state[:, :H], state[:, H:]
        gates = {}
        for n, name in enumerate("aifo"):
            rows = slice(n * H, (n + 1) * H)
            gates[name] = now @ weight[rows].T + bias[rows] + h @ recurrent[rows].T
        opened = {name: 1 / (1 + torch.exp(-gates[name])) for name in "io"}
        kept = 1 / (1 + torch.exp(-(gates["f"] + 1)))
        c = kept * c + opened["i"] * torch.tanh(gates["a"])
        t = torch.ones(1, dtype=F64) if timespans is None else timespans[step].double()
        start = opened["o"] * torch.tanh(c)
        h = slow_step(network.network.cell, now, start, t.reshape(-1, 1))
        state = torch.cat((h, c), dim=1)
        states.append(state)
    return torch.stack(states)


@each_mode
@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("timespans", [None, "(T,)", "(T, B)"])
def test_sequence_equals_its_equations(path, mode, layers, timespans):
    network = make(mode, layers, path.dtype)
    x, state, options, tensors = drawn(network, timespans)
    got, expected = (f(network, x, state, **options) for f in (run, slow))
    weights = [torch.randn_like(got)]
    close([got], [expected])
    close(*(gradients_of([y], weights, tensors) for y in (got, expected)))
    assert set(path.calls.values()) == {1}  # forward and backward


@each_mode
def test_second_derivatives_equal_those_of_the_equations(path, mode):
    network = make(mode, 1, path.dtype)
    x, state, options, tensors = drawn(network, "(T, B)")
    got, expected = (
        second_derivatives(
            lambda f=f: f(network, x, state, **options).square().sum(), tensors
        )
        for f in (run, slow)
    )
    close(got, expected)


def test_a_memory_alone_gives_its_gradients(path):
    network = make("default", 1, path.dtype)
    x, state, options, tensors = drawn(network)
    got, expected = (f(network, x, state, **options)[..., H:] for f in (run, slow))
    weights = [torch.randn_like(got)]
    close(*(gradients_of([y], weights, tensors) for y in (got, expected)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_reset_heals_a_memory_that_is_no_number(path, bad):
    network = make("default", 1, path.dtype)
    x, state, options, tensors = drawn(network)
    options["resets"][0, 1] = True
    with torch.no_grad():
        state[1, H:] = bad
    states = run(network, x, state, **options)
    assert states.isfinite().all()
    grads = gradients_of([states], [torch.ones_like(states)], tensors)
    assert all(grad.isfinite().all() for grad in grads)
    assert not grads[1][1].any()


def test_a_hooked_cell_gives_the_same_step_by_step(path):
    network = make("pure", 1, path.dtype)
    x, state, options, _ = drawn(network, "(T, B)")
    expected = run(network, x, state, **options)
    seen = []
    network.network.cell.register_forward_hook(lambda *args: seen.append(args[2]))
    close([run(network, x, state, **options)], [expected])
    assert len(seen) == len(x)


def test_mixed_memory_is_the_step_of_an_lstm_before_that_of_the_network():
    network = MixedMemory(CfCNetwork(F, OUT, n_neurons=H)).double()
    x, state = torch.randn(4, F, dtype=F64), torch.randn(4, 2 * H, dtype=F64)
    times = torch.rand(4, dtype=F64)
    lstm = torch.nn.LSTMCell(F, H).double()
    # PyTorch's gates are i, f, a, o, and its forget gate has no 1 of its own.
    order = [1, 2, 0, 3]
    with torch.no_grad():
        for theirs, ours in (
            (lstm.weight_ih, network.input_weight),
            (lstm.weight_hh, network.recurrent_weight),
            (lstm.bias_ih, network.input_bias),
        ):
            blocks = ours.chunk(4)
            theirs.copy_(torch.cat([blocks[i] for i in order]))
        lstm.bias_hh.zero_()
        lstm.bias_hh[H : 2 * H] = 1
    h, c = lstm(x, (state[:, :H], state[:, H:]))
    y, after = network.network(x, h, times)
    close(network(x, state, times), [y, torch.cat((after, c), dim=1)])


def test_memory_of_mixed_memory_starts_as_published():
    network = MixedMemory(CfCNetwork(F, OUT, n_neurons=H))
    assert network.input_bias.abs().max() <= 0.1
    weight = network.recurrent_weight
    close([weight.T @ weight], [torch.eye(H)])
    assert torch.equal(network.initial_state(3), torch.zeros(3, 2 * H))


def test_mixed_memory_remembers_over_an_endless_time():
    # What a cell's state was is gone then, as its gates are open; a memory is not.
    x = torch.zeros(2, 2, F)
    x[0, 1] = 5
    for mixed in (False, True):
        network = CfCNetwork(F, None, n_neurons=H)
        with torch.no_grad():
            network.cell.weight[:, :, :] = 0
            network.cell.backbone_weight[:, F:] = 0
        network = MixedMemory(network) if mixed else network
        _, state = network.forward_sequence(x, timespans=1e6)
        assert torch.equal(state[0], state[1]) is not mixed
