"""The recurrence in loops that numba compiles, in single precision on the CPU.

Arguments are those of `velora.models.lnn.gated_leaky.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import NUMBA, Backend
from velora.models.lnn.compiled import loops
from velora.models.lnn.compiled.operands import array, is_operand, lay_out

_LOOPS = "velora.models.lnn.gated_leaky.loops"


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors on the CPU, few enough for one thread."""
    return is_operand(tensor, work) and loops(_LOOPS) is not None


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """Overwrites `heads`, fills `before` and returns the states and rates."""
    states = heads.new_empty(*heads.shape[:2], weight.shape[1])
    rates = None if times is None else torch.empty_like(states)
    compiled: Any = loops(_LOOPS)
    compiled.scan_forward(
        heads.numpy(),
        # The loop has a product for each layout, and knows them by their shapes.
        array(weight if weight.is_contiguous() else weight.T),
        before.numpy(),
        compiled.NO_RESETS if resets is None else array(resets),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        compiled.NONE if rates is None else rates.numpy(),
        states.numpy(),
    )
    return states, rates


def backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    rates: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Returns the gradients of the heads, of the first state and of the times."""
    grad_heads = torch.empty_like(heads)
    grad_state = heads.new_empty(heads.shape[1], weight.shape[1])
    grad_times = None if times is None else heads.new_empty(times.shape)
    compiled: Any = loops(_LOOPS)
    compiled.scan_backward(
        compiled.NONE if grad_y is None else array(grad_y),
        compiled.NONE if grad_states is None else array(grad_states),
        array(weight.T),
        heads.numpy(),
        before.numpy(),
        compiled.NO_RESETS if resets is None else array(resets),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        compiled.NONE if rates is None else rates.numpy(),
        grad_heads.numpy(),
        grad_state.numpy(),
        compiled.NO_TIMES if grad_times is None else grad_times[..., 0].numpy(),
    )
    return grad_heads, grad_state, grad_times


BACKEND = Backend(NUMBA, takes, forward, backward, lay_out)
