"""A recurrence over time as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_traced
from velora.models.lnn.headed.recurrence import Recurrence


def over_time(
    recurrence: Recurrence,
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Runs a recurrence over time, with arguments that are checked.

    The gradient of the weight is one product after the loop. Small problems in single
    precision on a CPU take loops that numba has compiled, where it is installed
    (`velora-lnn[fast]`), and on a GPU kernels by Triton; `VELORA_SCAN` forces a
    backend, see `velora.models.lnn.backend`. Second derivatives, `torch.func`,
    `torch.compile` and sequences of one or two steps take plain operators. Under
    autocast it computes in the weight's dtype.

    Args:
        recurrence: what a step is.
        inputs: (T, B, N·H) what inputs and biases give to the heads.
        weight: (N·H, H) from the state to the heads.
        state: (B, H) before the first step.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        times: (T, B, 1) time since the last step, in the weight's dtype; None for 1.

    Returns:
        y: (T, B, H) outputs.
        states: (T, B, H) states after each step.
    """
    arguments = inputs.to(weight.dtype), weight, state.to(weight.dtype), resets, times
    if inputs.is_meta:  # where there is no autocast to turn off
        return recurrence.unrolled(*arguments)
    with torch.autocast(inputs.device.type, enabled=False):
        if is_traced() or len(inputs) <= recurrence.backends.SHORT:
            return recurrence.unrolled(*arguments)
        work = inputs.shape[1] * weight.numel()
        backend = recurrence.backends.choose(arguments[0], work)
        if backend is None:
            return recurrence.unrolled(*arguments)
        y, states = _Scan.apply(*arguments, recurrence, backend)  # type: ignore[no-untyped-call]  # PyTorch's own
    return y, states


class _Scan(torch.autograd.Function):
    """The same by a backend, with a written backward."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        state: Tensor,
        resets: Tensor | None,
        times: Tensor | None,
        recurrence: Recurrence,
        backend: Backend,
    ) -> tuple[Tensor, Tensor]:
        heads = inputs.clone(memory_format=torch.contiguous_format)
        before = state.new_empty(len(inputs), *state.shape)
        before[0] = state
        if resets is not None:
            before[0].masked_fill_(resets[0, :, None], 0)
        laid_out = backend.lay_out(weight)
        states, kept = backend.forward(heads, laid_out, before, resets, times)
        ctx.save_for_backward(
            inputs, weight, state, resets, times, laid_out, heads, before, kept
        )
        ctx.recurrence, ctx.backend = recurrence, backend
        ctx.set_materialize_grads(False)
        return heads[..., -state.shape[1] :].contiguous(), states

    @staticmethod
    def backward(ctx: Any, grad_y: Any, grad_states: Any) -> tuple[Tensor | None, ...]:
        # Each gradient is a tensor of (T, B, H), or None.
        *arguments, laid_out, heads, before, kept = ctx.saved_tensors
        *_, resets, times = arguments
        needed = ctx.needs_input_grad
        if grad_y is None and grad_states is None:
            return (None,) * len(needed)
        with torch.autocast(heads.device.type, enabled=False):
            if torch.is_grad_enabled() or is_traced(grad_y, grad_states):
                return *differentiable_backward(
                    ctx.recurrence.unrolled,
                    tuple(arguments),
                    needed[:5],
                    (grad_y, grad_states),
                ), *(None, None)
            grad_inputs, grad_state, grad_times = ctx.backend.backward(
                grad_y, grad_states, laid_out, heads, before, resets, times, kept
            )
            grad_weight = None
            if needed[1]:
                grad_weight = grad_inputs.flatten(0, 1).T @ before.flatten(0, 1)
        return grad_inputs, grad_weight, grad_state, None, grad_times, None, None
