"""The gated leaky integrator over time as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_traced
from velora.models.lnn.gated_leaky import backends
from velora.models.lnn.gated_leaky.step import in_dtype
from velora.models.lnn.gated_leaky.unrolled import unrolled


def scan(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> Tensor:
    """Runs gated leaky integrators over time, with arguments that are checked.

    With the heads f and k and t the time since the last step, for each step

        f, k  = inputs[step] + state @ weight.T
        gate  = 1 - exp(-t * softplus(f))
        state = state + gate * (tanh(k) - state)

    Only that is in the loop; the gradient of the weight is one product after it. Small
    problems in single precision on a CPU take loops that numba has compiled, where it
    is installed (`velora-lnn[fast]`); `VELORA_SCAN` forces a backend, see
    `velora.models.lnn.backend`. Second derivatives, `torch.func`, `torch.compile` and
    sequences of one or two steps take plain operators. Under autocast it computes in
    the weight's dtype.

    Args:
        inputs: (T, B, 2·H) what inputs and biases give to the heads f and k.
        weight: (2·H, H) from the state to the heads.
        state: (B, H) before the first step.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        times: (T, B, 1) time since the last step; None for 1.

    Returns:
        (T, B, H) states after each step.
    """
    times = None if times is None else in_dtype(times, weight.dtype)
    arguments = inputs.to(weight.dtype), weight, state.to(weight.dtype), resets, times
    if inputs.is_meta:  # where there is no autocast to turn off
        return unrolled(*arguments)
    with torch.autocast(inputs.device.type, enabled=False):
        if is_traced() or len(inputs) <= backends.SHORT:
            return unrolled(*arguments)
        work = inputs.shape[1] * weight.numel()
        backend = backends.choose(arguments[0], work)
        if backend is None:
            return unrolled(*arguments)
        states: Tensor = _Scan.apply(*arguments, backend)  # type: ignore[no-untyped-call]  # PyTorch's own
    return states


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
        backend: Backend,
    ) -> Tensor:
        heads = inputs.clone(memory_format=torch.contiguous_format)
        before = state.new_empty(len(inputs), *state.shape)
        before[0] = state
        if resets is not None:
            before[0].masked_fill_(resets[0, :, None], 0)
        laid_out = backend.lay_out(weight)
        states: Tensor
        states, rates = backend.forward(heads, laid_out, before, resets, times)
        ctx.save_for_backward(
            inputs, weight, state, resets, times, laid_out, heads, before, rates
        )
        ctx.backend = backend
        ctx.set_materialize_grads(False)
        return states

    @staticmethod
    def backward(ctx: Any, grad: Any) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad
        if grad is None:
            return (None,) * len(needed)
        *arguments, laid_out, heads, before, rates = ctx.saved_tensors
        _, _, _, resets, times = arguments
        with torch.autocast(heads.device.type, enabled=False):
            if torch.is_grad_enabled() or is_traced(grad):
                return *differentiable_backward(
                    lambda *arguments: (unrolled(*arguments),),
                    tuple(arguments),
                    needed[:5],
                    (grad,),
                ), None
            grad_inputs, grad_state, grad_times = ctx.backend.backward(
                grad, laid_out, heads, before, resets, times, rates
            )
            grad_weight = None
            if needed[1]:
                grad_weight = grad_inputs.flatten(0, 1).T @ before.flatten(0, 1)
        return grad_inputs, grad_weight, grad_state, None, grad_times, None
