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
from velora.wiring import Wiring, dense, random, small_world

NAMES = ("x", "state", "neurons", "synapses", "times")
PATHS = {"operators": F64, "operators in float32": F32, "compiled": F32}
UNFOLDS = 3
SIZES = F, N, OUT = 3, 12, 2  # of networks
WIRINGS = {"ncp": Wiring, "dense": dense, "random": random, "small world": small_world}


def drawn_mask(n_to, n_from, density=0.4):
    """Draws a (to, from) mask: a neuron may have no synapse, or a whole row."""
    mask = torch.rand(n_to, n_from) < density
    mask[-1] = False
    mask[0] = True
    return mask


def numbers(steps, batch, inputs, hidden, dtype, *, timed=False, resets=False):
    """Draws the arguments of a scan by name."""
    mask = drawn_mask(hidden, inputs + hidden)
    low = torch.tensor([0.05, -1.0, 0.0, -4.0])[:, None, None]
    high = torch.tensor([1.5, 1.0, 1.0, 8.0])[:, None, None]
    synapses = low + (high - low) * torch.rand(4, *mask.shape)
    neurons = torch.tensor([0.05, -0.5, 0.2])[:, None] + torch.rand(3, hidden)
    tensors = {
        "x": torch.randn(steps, batch, inputs, dtype=dtype),
        "state": torch.randn(batch, hidden, dtype=dtype),
        "neurons": neurons.to(dtype),
        "synapses": synapses.to(dtype),
        "mask": mask,
        "times": 3 * torch.rand(steps, batch, 1, dtype=dtype) if timed else None,
        "resets": torch.rand(steps, batch) < 0.3 if resets else None,
        "unfolds": UNFOLDS,
    }
    for tensor in differentiable(tensors):
        tensor.requires_grad_()
    return tensors


def differentiable(x):
    return [x[name] for name in NAMES if x[name] is not None]


def scan(**x):
    return module.scan(**x)


def slow(x, state, neurons, synapses, mask, times, resets, unfolds):
    """The equations, one synapse after another, in double precision."""
    leak, leak_potential, capacitance = neurons.double().unbind()
    v, states = list(state.double().unbind(1)), []  # (B,) of each neuron

    def onto(n, sources):
        found = []  # conductance and reversal potential of each synapse
        for m, u in sources:
            if mask[n, m]:
                weight, reversal, mu, sigma = synapses[:, n, m].double()
                opened = 1 / (1 + torch.exp(-sigma * (u - mu)))
                found.append((weight * opened, reversal))
        return found

    for step, now in enumerate(x.double()):
        if resets is not None:
            v = [torch.where(resets[step], torch.zeros_like(u), u) for u in v]
        t = 1 if times is None else times[step, :, 0].double()
        inputs = list(enumerate(now.unbind(1)))
        for _ in range(unfolds):
            sources = [*inputs, *enumerate(v, len(inputs))]
            after = []
            for n, u in enumerate(v):
                c = capacitance[n] * unfolds / t
                above = c * u + leak[n] * leak_potential[n]
                below = c + leak[n] + 1e-8
                for a, e in onto(n, sources):
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
