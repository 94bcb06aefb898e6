"""The recurrence in loops that numba compiles, in single precision on the CPU.

Arguments are those of `velora.models.lnn.cfc_modes.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import NUMBA, Backend
from velora.models.lnn.cfc_modes.memory import Recalled
from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.weights import Trail, Weights
from velora.models.lnn.compiled import loops
from velora.models.lnn.compiled.operands import array, is_operand

_LOOPS = "velora.models.lnn.cfc_modes.loops"


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors on the CPU, few enough for one thread."""
    return is_operand(tensor, work) and loops(_LOOPS) is not None


def forward(
    mode: Mode,
    weights: Weights,
    trail: Trail,
    times: Tensor | None,
    noise: Tensor | None,
    resets: Tensor | None,
    memory: Tensor | None,
) -> Tensor:
    """Fills the trail and returns the states; see the table."""
    states = torch.empty_like(trail.raw)
    compiled: Any = loops(_LOOPS)
    first, deep, last = _transposed(weights, compiled)
    deep_bias, bias, vectors = weights.deep_bias, weights.heads_bias, weights.vectors
    no_matrix, no_stack = compiled.NO_MATRIX, compiled.NO_STACK
    compiled.scan_forward(
        compiled.CODES[mode.name],
        first,
        deep,
        no_matrix if deep_bias is None else array(deep_bias),
        last,
        no_matrix if bias is None else array(bias[None]),
        no_matrix if vectors is None else array(vectors),
        trail.heads.numpy(),
        trail.layers.numpy(),
        trail.before.numpy(),
        no_matrix if times is None else array(times[..., 0]),
        no_stack if noise is None else array(noise),
        compiled.NO_RESETS if resets is None else array(resets),
        no_matrix if memory is None else array(memory.T),
        no_stack if trail.gates is None else trail.gates.numpy(),
        trail.raw.numpy(),
        states.numpy(),
    )
    return states


def backward(
    grad_states: Tensor,
    weights: Weights,
    slopes: Tensor,
    steepness: Tensor,
    resets: Tensor | None,
    past: Recalled | None,
) -> Tensor:
    """Turns derivatives into gradients; see the table."""
    compiled: Any = loops(_LOOPS)
    grad_state = torch.empty_like(grad_states[0])
    of_memory = (compiled.NO_MATRIX, *(compiled.NO_STACK,) * 3)
    if past is not None:
        numbers = past.slopes, past.out, past.kept
        of_memory = array(past.weight.T), *(tensor.numpy() for tensor in numbers)
    compiled.scan_backward(
        *_transposed(weights, compiled),
        grad_states.numpy(),
        slopes.flatten(2).numpy(),
        steepness.numpy(),
        compiled.NO_RESETS if resets is None else array(resets),
        *of_memory,
        grad_state.numpy(),
    )
    return grad_state


def _transposed(weights: Weights, compiled: Any) -> tuple[Any, Any, Any]:
    """Returns the first, deep and last weights, (from, to)."""
    deep, last = weights.deep, weights.heads
    return (
        array(weights.first.T),
        compiled.NO_STACK if deep is None else array(deep.mT),
        compiled.NO_MATRIX if last is None else array(last.T),
    )


BACKEND = Backend(NUMBA, takes, forward, backward, Tensor.contiguous)
