"""The recurrence in loops that numba compiles, in single precision on the CPU.

Arguments are those of `velora.models.lnn.cfc.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import NUMBA, Backend
from velora.models.lnn.cfc.backends.operators import gradient_of_times
from velora.models.lnn.compiled import loops
from velora.models.lnn.compiled.operands import array, is_operand, lay_out

_LOOPS = "velora.models.lnn.cfc.loops"


def has_numba() -> bool:
    """Whether the loops can be compiled on this machine."""
    return loops(_LOOPS) is not None


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors on the CPU, few enough for one thread."""
    return is_operand(tensor, work) and has_numba()


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, None]:
    """Overwrites `heads`, fills `before` and returns the (T, B, H) states."""
    states = heads.new_empty(*heads.shape[:2], weight.shape[1])
    compiled: Any = loops(_LOOPS)
    compiled.scan_forward(
        heads.numpy(),
        # The loop has a product for each layout, and knows them by their shapes.
        array(weight if weight.is_contiguous() else weight.T),
        before.numpy(),
        compiled.NO_RESETS if resets is None else array(resets),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        states.numpy(),
    )
    return states, None


def backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    kept: None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Returns the gradients of the heads, of the first state and of the times."""
    grad_heads = torch.empty_like(heads)
    hidden = weight.shape[1]
    grad_state = heads.new_empty(heads.shape[1], hidden)
    compiled: Any = loops(_LOOPS)
    compiled.scan_backward(
        compiled.NO_GRADIENT if grad_y is None else array(grad_y),
        compiled.NO_GRADIENT if grad_states is None else array(grad_states),
        array(weight.T),
        heads.numpy(),
        compiled.NO_RESETS if resets is None else array(resets),
        compiled.NO_TIMES if times is None else array(times[..., 0]),
        grad_heads.numpy(),
        grad_state.numpy(),
    )
    grad_times = gradient_of_times(grad_heads, heads, times, hidden)
    return grad_heads, grad_state, grad_times


BACKEND = Backend(NUMBA, takes, forward, backward, lay_out)
