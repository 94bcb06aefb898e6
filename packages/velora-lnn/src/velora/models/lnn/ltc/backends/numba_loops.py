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
from velora.models.lnn.ltc.rows import Rows

_LOOPS = "velora.models.lnn.ltc.loops"


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors on the CPU."""
    return is_operand(tensor, work) and loops(_LOOPS) is not None


def forward(
    inputs: Tensor,
    neurons: Tensor,
    sensory: Tensor,
    recurrent: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    rows: tuple[Rows, Rows],
    trail: Tensor,
) -> tuple[Tensor, Tensor]:
    """Fills `trail` and returns the currents and conductances of each unfold."""
    currents = torch.empty_like(trail[:, 1:])
    conductances = torch.empty_like(currents)
    compiled: Any = loops(_LOOPS)
    compiled.scan_forward(
        inputs.numpy(),
        array(neurons),
        *_synapses(sensory, rows[0]),
        *_synapses(recurrent, rows[1]),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        compiled.NO_RESETS if resets is None else array(resets),
        trail.numpy(),
        currents.numpy(),
        conductances.numpy(),
    )
    return currents, conductances


def backward(
    grad_states: Tensor,
    inputs: Tensor,
    neurons: Tensor,
    sensory: Tensor,
    recurrent: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    rows: tuple[Rows, Rows],
    trail: Tensor,
    currents: Tensor,
    conductances: Tensor,
) -> tuple[Tensor | None, ...]:
    """Returns the gradients of all that is a number, in the order of `scan`."""
    grad_inputs, grad_state = torch.zeros_like(inputs), torch.zeros_like(grad_states[0])
    grad_neurons, grad_sensory, grad_recurrent = (
        torch.zeros_like(given, memory_format=torch.contiguous_format)
        for given in (neurons, sensory, recurrent)
    )
    grad_times = None if times is None else inputs.new_empty(times.shape)
    compiled: Any = loops(_LOOPS)
    compiled.scan_backward(
        grad_states.numpy(),
        inputs.numpy(),
        array(neurons),
        *_synapses(sensory, rows[0]),
        *_synapses(recurrent, rows[1]),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        compiled.NO_RESETS if resets is None else array(resets),
        trail.numpy(),
        currents.numpy(),
        conductances.numpy(),
        grad_inputs.numpy(),
        grad_state.numpy(),
        grad_neurons.numpy(),
        grad_sensory.numpy(),
        grad_recurrent.numpy(),
        compiled.NO_TIMES if grad_times is None else grad_times[..., 0].numpy(),
    )
    grads = grad_inputs, grad_state, grad_neurons, grad_sensory, grad_recurrent
    return *grads, grad_times


def _synapses(values: Tensor, rows: Rows) -> tuple[Any, Any, Any]:
    """Returns (4, K) values of synapses, where each row starts, and their sources."""
    return array(values), array(rows.starts), array(rows.sources)


BACKEND = Backend(NUMBA, takes, forward, backward, Tensor.contiguous)
