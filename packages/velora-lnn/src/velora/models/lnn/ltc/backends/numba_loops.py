"""The recurrence in loops that numba compiles, in single precision on the CPU.

Arguments are those of `velora.models.lnn.ltc.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import NUMBA, Backend
from velora.models.lnn.compiled import loops
from velora.models.lnn.compiled.operands import array, is_operand
from velora.models.lnn.ltc.rows import Circuit

_LOOPS = "velora.models.lnn.ltc.loops"


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors on the CPU."""
    return is_operand(tensor, work) and loops(_LOOPS) is not None


def forward(
    inputs: Tensor,
    circuit: Circuit,
    times: Tensor | None,
    resets: Tensor | None,
    trail: Tensor,
) -> tuple[Tensor, Tensor | None]:
    """Fills `trail` and returns the conductances and currents of each unfold."""
    conductances = torch.empty_like(trail[:, 1:])
    currents = None if times is None else torch.empty_like(conductances)
    compiled: Any = loops(_LOOPS)
    compiled.scan_forward(
        inputs.numpy(),
        *_arrays(circuit),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        compiled.NO_RESETS if resets is None else array(resets),
        trail.numpy(),
        conductances.numpy(),
        compiled.NO_CURRENTS if currents is None else currents.numpy(),
    )
    return conductances, currents


def backward(
    grad_states: Tensor,
    inputs: Tensor,
    circuit: Circuit,
    times: Tensor | None,
    resets: Tensor | None,
    trail: Tensor,
    conductances: Tensor,
    currents: Tensor | None,
) -> tuple[Tensor | None, ...]:
    """Returns the gradients of all that is a number; see the table."""
    neurons, (_, sensory), (_, recurrent) = circuit
    grads = [
        torch.zeros_like(given, memory_format=torch.contiguous_format)
        for given in (inputs, grad_states[0], neurons, sensory, recurrent)
    ]
    grad_times = None if times is None else inputs.new_empty(times.shape[:2])
    compiled: Any = loops(_LOOPS)
    compiled.scan_backward(
        grad_states.numpy(),
        inputs.numpy(),
        *_arrays(circuit),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        compiled.NO_RESETS if resets is None else array(resets),
        trail.numpy(),
        conductances.numpy(),
        compiled.NO_CURRENTS if currents is None else currents.numpy(),
        *(grad.numpy() for grad in grads),
        compiled.NO_TIMES if grad_times is None else grad_times.numpy(),
    )
    return *grads, None if grad_times is None else grad_times[..., None]


def _arrays(circuit: Circuit) -> tuple[Any, ...]:
    """Returns neurons, and of each kind its values, its starts and its sources."""
    neurons, *kinds = circuit
    found = [array(neurons)]
    for rows, values in kinds:
        found += [array(values), rows.starts.numpy(), rows.sources.contiguous().numpy()]
    return tuple(found)


BACKEND = Backend(NUMBA, takes, forward, backward, Tensor.contiguous)
