"""The recurrence in kernels that Triton compiles, in single precision on a GPU.

Arguments are those of `velora.models.lnn.cfc.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import TRITON, Backend
from velora.models.lnn.cfc.backends.operators import gradient_of_times
from velora.models.lnn.kernels import kernels
from velora.models.lnn.kernels.operands import (
    add_to_outputs,
    from_outside,
    given,
    is_operand,
    launch,
    on_device_of,
)

_KERNELS = "velora.models.lnn.cfc.kernels"


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors where kernels run, of few states."""
    return is_operand(tensor, work) and kernels(_KERNELS) is not None


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, None]:
    """Overwrites `heads`, fills `before` and returns the (T, B, H) states."""
    grid, sizes, options = launch(heads, weight, before, resets, times)
    states = heads.new_empty(*heads.shape[:2], weight.shape[1])
    compiled: Any = kernels(_KERNELS)
    with on_device_of(heads):
        compiled.scan_forward[grid](
            heads,
            weight,
            before,
            given(resets, heads),
            given(times, heads),
            states,
            *sizes,
            HAS_RESETS=resets is not None,
            HAS_TIMES=times is not None,
            **options,
        )
    add_to_outputs(heads, weight, before, states)
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
    grid, sizes, options = launch(heads, weight, before, resets, times)
    grad_heads = torch.empty_like(heads)
    outside = from_outside(grad_y, grad_states, weight, resets, grad_heads)
    compiled: Any = kernels(_KERNELS)
    with on_device_of(heads):
        compiled.scan_backward[grid](
            outside.of_states,
            weight,
            heads,
            given(resets, heads),
            given(times, heads),
            grad_heads,
            outside.of_first,
            *sizes,
            HAS_RESETS=resets is not None,
            HAS_TIMES=times is not None,
            **options,
        )
    grad_times = gradient_of_times(grad_heads, heads, times, weight.shape[1])
    return grad_heads, outside.of_first, grad_times


BACKEND = Backend(TRITON, takes, forward, backward, Tensor.contiguous)
