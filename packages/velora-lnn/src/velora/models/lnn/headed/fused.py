"""A network over a sequence as one differentiable function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.activation import mish, mish_with_slope
from velora.models.lnn.backend import NUMBA, Backend
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_plain, is_traced
from velora.models.lnn.headed.packing import Packing
from velora.models.lnn.headed.parts import At, Parts
from velora.models.lnn.headed.recurrence import Recurrence, Table
from velora.models.lnn.headed.scan import over_time
from velora.models.lnn.masked import as_factors


class Plan(NamedTuple):
    """What is decided before a sequence is computed.

    Attributes:
        recurrence: of the command neurons.
        packing: of their heads.
        backend: of the recurrence.
    """

    recurrence: Recurrence
    packing: Packing
    backend: Backend


def fused(
    recurrence: Recurrence,
    packing: Packing,
    parts_of: Callable[[], Parts | None],
    x: Tensor,
    state: Tensor,
    *,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor] | None:
    """Runs inter, Mish, command, Mish and motor over time, where it can.

    The same numbers as the layers one by one with `over_time` between them, and fewer
    operators: masks are applied to weights and to gradients once, heads are packed
    once, gradients of the heads are one product, and Mish leaves its slope for the
    backward. Second derivatives and `torch.func` go back to the layers.

    Args:
        recurrence: of the command neurons.
        packing: of their heads.
        parts_of: returns what the network is made of, or None where a layer does more
            than its class says.
        x: (T, B, F) inputs.
        state: (B, H) before the first step.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        times: (T, B, 1) time since the last step.

    Returns:
        y: (T, B, O) outputs.
        states: (T, B, H) states after each step.
        Or None, where the layers have to be called one by one.
    """
    parts = parts_of() if _is_for(x) else None
    backend = parts and _backend_for(recurrence.backends, x, parts)
    if not (parts and backend):
        return None
    state = state.to(x.dtype)
    if not _are_plain(x, state, times, parts):
        return None
    *rest, weights, biases = parts
    plan = Plan(recurrence, packing, backend)
    arguments = x, state, resets, times, plan, *rest, *weights, *biases
    y, states = _Fused.apply(*arguments)  # type: ignore[no-untyped-call]  # PyTorch's own
    return y, states


def _is_for(x: Tensor) -> bool:
    """Whether (T, B, F) inputs are numbers on the CPU, here and now."""
    return (
        x.dtype in (torch.float32, torch.float64)
        and x.is_cpu
        and not is_traced()
        and not torch.is_autocast_enabled("cpu")
    )


def _backend_for(backends: Table, x: Tensor, parts: Parts) -> Backend | None:
    """Returns the backend for (T, B, F) inputs.

    None where they are too few steps for preparations, or `VELORA_SCAN` wants steps one
    by one.
    """
    hidden = len(parts.mask)
    backend = backends.choose(x, x.shape[1] * len(parts.weights) * hidden**2)
    # With numba's Mish, preparations pay for one step already.
    short = x.shape[0] <= backends.SHORT
    return None if backend and short and backend.name != NUMBA else backend


def _are_plain(x: Tensor, state: Tensor, times: Tensor | None, parts: Parts) -> bool:
    """Whether these are plain tensors of one dtype on the CPU."""
    *rest, weights, biases = parts
    masks, numbers = rest[:3], rest[3:]
    return (
        is_plain(x, state, *numbers, *weights, *biases, dtype=x.dtype)
        and is_plain(*masks, dtype=torch.bool)
        and (times is None or is_plain(times, dtype=x.dtype))
    )


def _layered(
    x: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    plan: Plan,
    *tensors: Tensor,
) -> tuple[Tensor, Tensor]:
    """Computes the same layer by layer, which can be differentiated in any way."""
    inter_mask, mask, motor_mask, inter_weight, inter_bias = tensors[:5]
    motor_weight, motor_bias, *heads = tensors[5:]
    n = len(heads) // 2
    inter = mish(functional.linear(x, inter_weight * inter_mask, inter_bias))
    packed = plan.packing.pack(heads[:n], heads[n:], mask)
    inputs, from_state = packed.of_sequence(inter)
    y, states = over_time(plan.recurrence, inputs, from_state, state, resets, times)
    return functional.linear(mish(y), motor_weight * motor_mask, motor_bias), states


class _Fused(torch.autograd.Function):
    """The same with a written backward. R is T·B, Z is I + H, N the number of heads."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        state: Tensor,
        resets: Tensor | None,
        times: Tensor | None,
        plan: Plan,
        *tensors: Tensor,
    ) -> tuple[Tensor, Tensor]:
        inter_mask, mask, motor_mask, inter_weight, inter_bias = tensors[:5]
        motor_weight, motor_bias, *heads = tensors[5:]
        n, backend = len(heads) // 2, plan.backend
        steps, batch, _ = x.shape
        (hidden, size), count = mask.shape, steps * batch
        weight, bias, _ = plan.packing.pack_in_place(heads[:n], heads[n:], mask)
        from_inter, from_state = weight.tensor_split((size - hidden,), dim=1)
        from_state = backend.lay_out(from_state)

        rows = x.reshape(count, -1)
        inter = inter_weight * inter_mask
        slope = torch.addmm(inter_bias, rows, inter.T)  # (R, I)
        z = x.new_empty(count, size)  # inter neurons, and states before each step
        mish_with_slope(slope, z)
        before = z.view(steps, batch, size)
        start = before[0, :, size - hidden :]
        start.copy_(state)
        if resets is not None:
            start.masked_fill_(resets[0, :, None], 0)
        packed = torch.addmm(bias, z[:, : size - hidden], from_inter.T)  # (R, N·H)
        heads_of_steps = packed.view(steps, batch, -1)
        states, kept = backend.forward(
            heads_of_steps, from_state, before, resets, times
        )
        command = x.new_empty(count, hidden)
        mish_with_slope(packed, command)
        motor = motor_weight * motor_mask
        y = x.new_empty(steps, batch, len(motor))  # no view: users may change it
        torch.addmm(motor_bias, command, motor.T, out=y.view(count, -1))

        ctx.save_for_backward(
            x,
            state,
            resets,
            times,
            *tensors[:3],
            inter,
            from_inter,
            from_state,
            motor,
            slope,
            z,
            packed,
            command,
            kept,
        )
        ctx.plan, ctx.parameters = plan, tensors[3:]
        ctx.versions = _versions(tensors[3:])
        ctx.set_materialize_grads(False)
        return y, states

    @staticmethod
    def backward(ctx: Any, grad_y: Any, grad_states: Any) -> tuple[Tensor | None, ...]:
        # The gradients are tensors of (T, B, O) and (T, B, H), or None.
        needed = ctx.needs_input_grad
        if grad_y is None and grad_states is None:
            return (None,) * len(needed)
        if torch.is_grad_enabled() or is_traced(grad_y, grad_states):
            return _layered_backward(ctx, grad_y, grad_states)
        with torch.autocast("cpu", enabled=False):
            return _written_backward(ctx, grad_y, grad_states)


def _written_backward(
    ctx: Any, grad_y: Tensor | None, grad_states: Tensor | None
) -> tuple[Tensor | None, ...]:
    needed, plan = ctx.needs_input_grad, ctx.plan
    # Read once: under torch.utils.checkpoint a tensor is there for one reading.
    x, _, resets, times, inter_mask, mask, motor_mask, *made = ctx.saved_tensors
    inter, from_inter, from_state, motor, slope, z, packed, command, kept = made
    steps, batch, _ = x.shape
    (hidden, size), count = mask.shape, steps * batch
    three = (steps, batch, -1)
    grads: list[Tensor | None] = [None] * len(needed)

    grad_command = None  # before its Mish
    if grad_y is not None:
        grad_y = grad_y.reshape(count, -1)
        grad_command = (grad_y @ motor).mul_(packed[:, -hidden:]).view(three)
        if needed[At.MOTOR_WEIGHT]:
            grads[At.MOTOR_WEIGHT] = (grad_y.T @ command).mul_(motor_mask)
        if needed[At.MOTOR_BIAS]:
            grads[At.MOTOR_BIAS] = grad_y.sum(0)
    of_heads, grads[At.STATE], grads[At.TIMES] = plan.backend.backward(
        grad_command,
        grad_states,
        from_state,
        packed.view(three),
        z.view(three),
        resets,
        times,
        kept,
    )
    grad = of_heads.view(count, -1)  # (R, N·H)
    biases = (At.WEIGHTS + len(needed)) // 2  # where these start
    if any(needed[At.WEIGHTS : biases]):
        # Heads share one mask and, by their blocks, one storage.
        of_weights = (grad.T @ z).view(-1, hidden, size).mul_(as_factors(mask, z.dtype))
        grads[At.WEIGHTS : biases] = plan.packing.unpack(of_weights)
    if any(needed[biases:]):
        grads[biases:] = plan.packing.unpack(grad.sum(0).view(-1, hidden))
    if needed[At.X] or needed[At.INTER_WEIGHT] or needed[At.INTER_BIAS]:
        grad_inter = (grad @ from_inter).mul_(slope)  # (R, I)
        if needed[At.INTER_WEIGHT]:
            # Of the two orders the faster one by far: x has few columns.
            of_weight = x.reshape(count, -1).T @ grad_inter
            grads[At.INTER_WEIGHT] = of_weight.T * inter_mask
        if needed[At.INTER_BIAS]:
            grads[At.INTER_BIAS] = grad_inter.sum(0)
        if needed[At.X]:
            grads[At.X] = (grad_inter @ inter).view_as(x)
    return tuple(grads)


def _layered_backward(
    ctx: Any, grad_y: Tensor | None, grad_states: Tensor | None
) -> tuple[Tensor | None, ...]:
    """Returns gradients that can be differentiated again."""
    if ctx.versions != _versions(ctx.parameters):
        raise RuntimeError(
            "A second derivative needs the parameters that the sequence was computed "
            "with; one of them was modified by an inplace operation since. Compute the "
            "sequence again."
        )
    saved = ctx.saved_tensors  # read once, as above
    return differentiable_backward(
        _layered,
        (*saved[:4], ctx.plan, *saved[4:7], *ctx.parameters),
        ctx.needs_input_grad,
        (grad_y, grad_states),
    )


def _versions(tensors: Sequence[Tensor]) -> list[int]:
    """Returns how often each tensor was modified in place."""
    try:
        return [tensor._version for tensor in tensors]
    except RuntimeError:  # one was made in inference mode, which counts nothing
        return [0 if tensor.is_inference() else tensor._version for tensor in tensors]
