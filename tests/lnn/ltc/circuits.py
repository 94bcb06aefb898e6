"""What the tests of the liquid time-constant neuron share: its equations, and numbers.

Both are written from the equations alone: no compressed rows, one synapse at a time.
"""

from contextlib import contextmanager

import pytest
import torch
from paths import force
from scans import F32, F64

from velora.models.lnn.ltc import backends
from velora.models.lnn.ltc import scan as module
from velora.models.lnn.ltc.rows import Rows

NAMES = ("x", "state", "neurons", "sensory", "recurrent", "times")
PATHS = {"operators": F64, "operators in float32": F32, "compiled": F32}
UNFOLDS = 3


def drawn_mask(n_to, n_from, density=0.4):
    """Draws a (to, from) mask: a neuron may have no synapse, or a whole row."""
    mask = torch.rand(n_to, n_from) < density
    mask[-1] = False
    mask[0] = True
    return mask


def numbers(steps, batch, inputs, hidden, dtype, *, timed=False, resets=False):
    """Draws the arguments of a scan by name."""
    masks = drawn_mask(hidden, inputs), drawn_mask(hidden, hidden)
    rows = tuple(Rows.of(mask) for mask in masks)

    def synapses(where):
        size = len(where.sources)
        low = torch.tensor([0.05, -1.0, 0.0, -4.0])[:, None]
        high = torch.tensor([1.5, 1.0, 1.0, 8.0])[:, None]
        return (low + (high - low) * torch.rand(4, size)).to(dtype)

    low = torch.tensor([0.05, -0.5, 0.2])[:, None]
    neurons = low + torch.rand(3, hidden)
    tensors = {
        "x": torch.randn(steps, batch, inputs, dtype=dtype),
        "state": torch.randn(batch, hidden, dtype=dtype),
        "neurons": neurons.to(dtype),
        "sensory": synapses(rows[0]),
        "recurrent": synapses(rows[1]),
        "times": 3 * torch.rand(steps, batch, 1, dtype=dtype) if timed else None,
        "resets": torch.rand(steps, batch) < 0.3 if resets else None,
        "rows": rows,
        "unfolds": UNFOLDS,
    }
    for tensor in differentiable(tensors):
        tensor.requires_grad_()
    return tensors


def differentiable(x):
    return [x[name] for name in NAMES if x[name] is not None]


def scan(**x):
    return module.scan(**x)


def slow(x, state, neurons, sensory, recurrent, times, resets, rows, unfolds):
    """The equations, one synapse after another, in double precision."""
    leak, leak_potential, capacitance = neurons.double().unbind()
    v, states = list(state.double().unbind(1)), []  # (B,) of each neuron

    def onto(potentials, synapses, where):
        found = [[] for _ in v]  # (conductance, reversal potential) by neuron
        synapses = synapses.double().unbind(1)
        for k, (n, m) in enumerate(zip(where.targets, where.sources, strict=True)):
            weight, reversal, mu, sigma = synapses[k]
            opened = 1 / (1 + torch.exp(-sigma * (potentials[m] - mu)))
            found[n].append((weight * opened, reversal))
        return found

    for step, now in enumerate(x.double()):
        if resets is not None:
            v = [torch.where(resets[step], torch.zeros_like(u), u) for u in v]
        t = 1 if times is None else times[step, :, 0].double()
        from_inputs = onto(now.unbind(1), sensory, rows[0])
        for _ in range(unfolds):
            from_neurons = onto(v, recurrent, rows[1])
            after = []
            for n, u in enumerate(v):
                c = capacitance[n] * unfolds / t
                above = c * u + leak[n] * leak_potential[n]
                below = c + leak[n] + 1e-8
                for a, e in from_inputs[n] + from_neurons[n]:
                    above, below = above + a * e, below + a
                after.append(above / below)
            v = after
        states.append(torch.stack([u.expand(len(now)) for u in v], dim=1))
    return torch.stack(states)


def values_and_gradients(function, x, loss):
    states = function(**x)
    grads = torch.autograd.grad(loss(states), differentiable(x), materialize_grads=True)
    return [states], grads


def drawn_loss(x):
    """Draws a loss in which every number of the states has a weight of its own."""
    shape = *x["x"].shape[:2], x["state"].shape[1]
    weights = torch.randn(shape, dtype=x["x"].dtype)
    return lambda states: (states * weights).sum()


@contextmanager
def taken(monkeypatch, name):
    """Forces a path, and yields its dtype and the calls of its backend."""
    calls = force(monkeypatch, name, backends)
    yield PATHS[name], calls
    backend = "numba" if name == "compiled" else "operators"
    assert calls[f"{backend} forward"]
    assert set(calls) <= {f"{backend} {way}" for way in ("forward", "backward")}


each_path = pytest.mark.parametrize("name", PATHS)
