"""What the tests of the recurrence share: its equations, numbers, comparisons."""

import copy

import pytest
import torch

from velora.models.lnn.scan import scan

F32, F64 = torch.float32, torch.float64
TOLERANCES = {F64: 1e-10, F32: 1e-5, torch.bfloat16: 0.05}
TIMESPANS = {None: 0, "(T,)": 1, "(T, B)": 2, "(T, B, 1)": 3}  # and their dimensions

NAMES = ("inputs", "weight", "state", "timespans")


def numbers(steps, batch, hidden, dtype, *, timespans=None, resets=False):
    """Draws the tensors that `scan` takes, by name, and what is no number."""
    heads = 4 if timespans is None else 5
    times = 3 * torch.rand((steps, batch, 1)[: TIMESPANS[timespans]], dtype=dtype)
    tensors = {
        "inputs": torch.randn(steps, batch, heads * hidden, dtype=dtype),
        "weight": torch.randn(heads * hidden, hidden, dtype=dtype) / hidden**0.5,
        "state": torch.randn(batch, hidden, dtype=dtype),
        "timespans": times if timespans else None,
        "resets": torch.rand(steps, batch) < 0.3 if resets else None,
    }
    for name in NAMES:
        if tensors[name] is not None:
            tensors[name].requires_grad_()
    return tensors


def slow(inputs, weight, state, *, resets=None, timespans=None):
    """The equations of `scan`, one step and one head at a time, in double precision."""
    inputs, weight, h = inputs.double(), weight.double(), state.double()
    hidden = weight.shape[1]
    outputs, states = [], []
    for step in range(len(inputs)):
        if resets is not None:
            h = torch.where(resets[step].bool()[:, None], torch.zeros_like(h), h)
        heads = []
        for head in range(0, len(weight), hidden):
            rows = slice(head, head + hidden)
            heads.append(inputs[step, :, rows] + h @ weight[rows].T)
        f = heads[2]
        if timespans is not None:
            f = f * timespans[step].double().reshape(-1, 1) + heads[3]
        gate = 1 / (1 + torch.exp(-f))
        h = torch.tanh(heads[0]) * (1 - gate) + gate * torch.tanh(heads[1])
        outputs.append(heads[-1] + h)
        states.append(h)
    return torch.stack(outputs), torch.stack(states)


def unrolled(*arguments, **options):
    """`scan` by its plain operators."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("VELORA_SCAN", "steps")
        return scan(*arguments, **options)


def differentiable(x):
    """The tensors of `numbers` that a gradient is for."""
    return [x[name] for name in NAMES if x[name] is not None and x[name].requires_grad]


def close(got, expected, tolerance=None):
    """Compares tensor by tensor, relative to the largest number of each.

    A gradient of a weight or of a timespan is a sum over steps and rows (or neurons):
    where its terms cancel, what is left of it has the rounding of its terms.
    """
    for ours, theirs in zip(got, expected, strict=True):
        limit = tolerance or TOLERANCES[ours.dtype]
        finite = theirs.detach()[theirs.isfinite()].abs()
        scale = max(1.0, finite.max().item()) if finite.numel() else 1.0
        torch.testing.assert_close(
            ours.double(), theirs.double(), rtol=limit, atol=limit * scale
        )


def values_and_gradients(function, x, loss):
    """Returns what `function` computes and the gradients of `loss` of it."""
    outputs = function(**x)
    return outputs, torch.autograd.grad(loss(*outputs), differentiable(x))


def drawn_loss(x):
    """Draws a loss in which every number of y and of states has a weight of its own."""
    shape = x["inputs"].shape[:2] + x["state"].shape[1:]
    of_y, of_states = torch.randn(2, *shape, dtype=x["inputs"].dtype)
    return lambda y, states: (y * of_y).sum() + (states * of_states).sum()


def assert_equal(x, loss, function=slow):
    got = values_and_gradients(scan, x, loss)
    expected = values_and_gradients(function, x, loss)
    for ours, theirs in zip(got, expected, strict=True):
        close(ours, theirs)


def second_derivatives(function, tensors):
    """Returns the gradients of a loss, and those of their squares."""
    first = torch.autograd.grad(function(), tensors, create_graph=True)
    return *first, *torch.autograd.grad(sum((g * g).sum() for g in first), tensors)


def swapped(x, dim):
    return x.transpose(0, dim).contiguous().transpose(0, dim)


# The same numbers elsewhere in memory.
LAYOUTS = {
    "batch first": lambda x: swapped(x, 1),
    "last first": lambda x: swapped(x, -1),
    "spaced": lambda x: torch.stack((x, x + 1), dim=-1).to(x.dtype)[..., 0],
}


def drawn_sequence(network, dtype, *, timespans=None, resets=True, sizes=(5, 3)):
    """Draws what `forward_sequence` takes; returns it, and what is differentiable."""
    steps, batch = sizes
    x = torch.randn(*sizes, network.in_features, dtype=dtype, requires_grad=True)
    state = torch.randn(batch, network.hidden_size, dtype=dtype, requires_grad=True)
    t = timespans
    tensors = [x, state, *network.parameters()]
    if isinstance(timespans, str):
        t = (3 * torch.rand((steps, batch, 1), dtype=dtype)).flatten(1)
        t = t[:, 0].clone() if timespans == "(T,)" else t
        tensors.append(t.requires_grad_())
    drawn = torch.rand(sizes) < 0.3
    options = {"resets": drawn if resets else None, "timespans": t}
    return x, state, options, tensors


def gradients_of(outputs, weights, tensors):
    loss = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    return torch.autograd.grad(loss, tensors, materialize_grads=True)


def in_double(network):
    double = copy.deepcopy(network).double()
    return double, list(double.parameters())
