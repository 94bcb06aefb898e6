"""The recurrence in kernels that Triton compiles, in single precision on a GPU.

Arguments are those of `velora.models.lnn.gated_leaky.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import TRITON, Backend
from velora.models.lnn.kernels import kernels
from velora.models.lnn.kernels.operands import (
    add_to_outputs,
    from_outside,
    given,
    is_operand,
    launch,
    on_device_of,
)

_KERNELS = "velora.models.lnn.gated_leaky.kernels"


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors where kernels run, of few states."""
    return is_operand(tensor, work) and kernels(_KERNELS) is not None


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """Overwrites `heads`, fills `before` and returns the states and rates."""
    grid, sizes, options = launch(heads, weight, before, resets, times)
    states = heads.new_empty(*heads.shape[:2], weight.shape[1])
    rates = None if times is None else torch.empty_like(states)
    compiled: Any = kernels(_KERNELS)
    with on_device_of(heads):
        compiled.scan_forward[grid](
            heads,
            weight,
            before,
            given(resets, heads),
            given(times, heads),
            given(rates, heads),
            states,
            *sizes,
            HAS_RESETS=resets is not None,
            HAS_TIMES=times is not None,
            **options,
        )
    add_to_outputs(heads, weight, before, states)
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
    grid, sizes, options = launch(heads, weight, before, resets, times)
    grad_heads = torch.empty_like(heads)
    grad_times = None if times is None else heads.new_empty(times.shape)
    outside = from_outside(grad_y, grad_states, weight, resets, grad_heads)
    compiled: Any = kernels(_KERNELS)
    with on_device_of(heads):
        compiled.scan_backward[grid](
            outside.of_states,
            weight,
            heads,
            before,
            given(resets, heads),
            given(times, heads),
            given(rates, heads),
            grad_heads,
            outside.of_first,
            given(grad_times, heads),
            *sizes,
            HAS_RESETS=resets is not None,
            HAS_TIMES=times is not None,
            **options,
        )
    return grad_heads, outside.of_first, grad_times


BACKEND = Backend(TRITON, takes, forward, backward, Tensor.contiguous)
