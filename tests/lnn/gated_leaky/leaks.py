"""What the tests of the recurrence share: its equations, and numbers for it."""

import torch
from scans import NAMES

from velora.models.lnn.gated_leaky import scan as module
from velora.models.lnn.gated_leaky.unrolled import unrolled as steps


def numbers(steps, batch, hidden, dtype, *, timed=False, resets=False):
    """Draws the tensors of a sequence by name, and what is no number."""
    times = 3 * torch.rand(steps, batch, 1, dtype=dtype)
    tensors = {
        "inputs": torch.randn(steps, batch, 3 * hidden, dtype=dtype),
        "weight": torch.randn(3 * hidden, hidden, dtype=dtype) / hidden**0.5,
        "state": torch.randn(batch, hidden, dtype=dtype),
        "timespans": times if timed else None,
        "resets": torch.rand(steps, batch) < 0.3 if resets else None,
    }
    for name in NAMES:
        if tensors[name] is not None:
            tensors[name].requires_grad_()
    return tensors


def scan(inputs, weight, state, *, resets=None, timespans=None):
    return module.scan(inputs, weight, state, resets, timespans)


def unrolled(inputs, weight, state, *, resets=None, timespans=None):
    """The recurrence by its plain operators."""
    return steps(inputs, weight, state, resets, timespans)


def slow(inputs, weight, state, *, resets=None, timespans=None):
    """The equations, one step and one head at a time, in double precision."""
    inputs, weight, h = inputs.double(), weight.double(), state.double()
    hidden, outputs, states = weight.shape[1], [], []
    for step in range(len(inputs)):
        if resets is not None:
            h = torch.where(resets[step][:, None], torch.zeros_like(h), h)
        f, k, proj = (
            inputs[step, :, rows] + h @ weight[rows].T
            for rows in (slice(n * hidden, (n + 1) * hidden) for n in range(3))
        )
        t = 1 if timespans is None else timespans[step].double()
        rate = torch.log(1 + torch.exp(f))
        h = h + (1 - torch.exp(-t * rate)) * (torch.tanh(k) - h)
        outputs.append(proj + h)
        states.append(h)
    return torch.stack(outputs), torch.stack(states)
