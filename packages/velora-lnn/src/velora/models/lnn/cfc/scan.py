"""The closed-form continuous-time (CfC) recurrence as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc import backends
from velora.models.lnn.cfc.heads import split
from velora.models.lnn.cfc.unrolled import unrolled
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_traced
from velora.models.lnn.shapes import check_state, sequence_resets, varying_timespans


def scan(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    *,
    resets: Tensor | None = None,
    timespans: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Runs a closed-form continuous-time (CfC) cell over time.

    With the heads g, h, f, proj and t the time since the last step, for each step

        g, h, f, proj = inputs[step] + state @ weight.T
        gate          = sigmoid(f)      or sigmoid(f_to_g * t + f_to_h) with timespans
        state         = tanh(g) * (1 - gate) + gate * tanh(h)
        y             = proj + state

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks", Eq. 10;
    `NCPLiquidCell` says where it deviates. Only what the next state depends on is in
    the loop; projections and gradients of the weights are one product each after it.
    Small problems in single precision on a CPU take loops that numba has compiled,
    where it is installed (`velora-lnn[fast]`); `VELORA_SCAN` forces a backend, see
    `velora.models.lnn.backend`. Second derivatives, `torch.func`, `torch.compile` and
    sequences of one or two steps take plain operators. Under autocast it computes in
    the weight's dtype.

    Args:
        inputs: (T, B, N·H) what inputs and biases give to the N = 4 heads g, h, f and
            proj; with timespans to the N = 5 heads g, h, f_to_g, f_to_h and proj.
        weight: (N·H, H) from the state to the heads.
        state: (B, H) before the first step.
        resets: (T, B), true where the state is zero *before* that step.
        timespans: (T,), (T, B) or (T, B, 1): time since the last step. A time that
            never changes costs less as `f = f_to_g * t + f_to_h` in the weights.

    Returns:
        y: (T, B, H) outputs.
        states: (T, B, H) states after each step.

    Raises:
        ValueError: an argument has another shape; nothing is broadcast.
    """
    _check_heads(inputs, weight, n_heads=4 if timespans is None else 5)
    steps, batch, _ = inputs.shape
    check_state(state, batch, weight.shape[1])
    resets = sequence_resets(resets, steps, batch)
    times = None
    if timespans is not None:
        times = varying_timespans(timespans, steps, batch)
    return over_time(inputs, weight, state, resets, times)


def over_time(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes `scan` of what is checked: resets are booleans, times (T, B, 1)."""
    times = None if times is None else times.to(weight.dtype)
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
        y, states = _Scan.apply(*arguments, backend)  # type: ignore[no-untyped-call]  # PyTorch's own
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
        backend: Backend,
    ) -> tuple[Tensor, Tensor]:
        heads = inputs.clone(memory_format=torch.contiguous_format)
        before = state.new_empty(len(inputs), *state.shape)
        before[0] = state
        if resets is not None:
            before[0].masked_fill_(resets[0, :, None], 0)
        laid_out = backend.lay_out(weight)
        states = backend.forward(heads, laid_out, before, resets, times)
        ctx.save_for_backward(
            inputs, weight, state, resets, times, laid_out, heads, before
        )
        ctx.backend = backend
        ctx.set_materialize_grads(False)
        return heads[..., -state.shape[1] :].contiguous(), states

    @staticmethod
    def backward(ctx: Any, grad_y: Any, grad_states: Any) -> tuple[Tensor | None, ...]:
        # Each gradient is a tensor of (T, B, H), or None.
        *arguments, laid_out, heads, before = ctx.saved_tensors
        _, _, state, resets, times = arguments
        needed = ctx.needs_input_grad
        if grad_y is None and grad_states is None:
            return (None,) * len(needed)
        with torch.autocast(heads.device.type, enabled=False):
            if torch.is_grad_enabled() or is_traced(grad_y, grad_states):
                return *differentiable_backward(
                    unrolled, tuple(arguments), needed[:5], (grad_y, grad_states)
                ), None
            grad_inputs, grad_state = ctx.backend.backward(
                grad_y, grad_states, laid_out, heads, resets, times
            )
            grad_weight = grad_times = None
            if needed[1]:
                grad_weight = grad_inputs.flatten(0, 1).T @ before.flatten(0, 1)
            if needed[4]:
                grad_times = gradient_of_times(grad_inputs, heads, state.shape[1])
        return grad_inputs, grad_weight, grad_state, None, grad_times, None


def gradient_of_times(grad_heads: Tensor, heads: Tensor, hidden: int) -> Tensor:
    """Returns the gradient of times, (..., 1).

    Args:
        grad_heads: (..., 5·H) gradients of the heads.
        heads: (..., 5·H) as a backend's forward left them.
        hidden: H.
    """
    _, _, f_to_g, *_ = split(heads, hidden)
    _, _, _, grad_f, _ = split(grad_heads, hidden)
    return (grad_f * f_to_g).sum(-1, keepdim=True)


def _check_heads(inputs: Tensor, weight: Tensor, n_heads: int) -> None:
    """Refuses other shapes than (T, B, N·H) and (N·H, H): ValueError."""
    size = n_heads * weight.shape[-1:].numel()
    if weight.dim() != 2 or len(weight) != size:
        raise ValueError(
            f"`weight` must have shape (N·H, H), with N = {n_heads} heads "
            f"{'without' if n_heads == 4 else 'with'} timespans; got "
            f"{tuple(weight.shape)}."
        )
    if inputs.dim() != 3 or 0 in inputs.shape or inputs.shape[2] != size:
        raise ValueError(
            f"`inputs` must have shape (T, B, N·H) = (T, B, {size}), T and B at least "
            f"1; got {tuple(inputs.shape)}."
        )
