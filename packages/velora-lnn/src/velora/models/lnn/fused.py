"""A liquid network over a sequence as one differentiable function."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn import recurrence
from velora.models.lnn.activation import mish, mish_with_slope
from velora.models.lnn.compiled import is_plain, is_transformed
from velora.models.lnn.scan import differentiable_backward, scan

Heads = Sequence[Tensor]  # g, h, f_to_g, f_to_h, proj


class At(IntEnum):
    """Where `_Fused` has its arguments, and so its gradients; five heads are each."""

    X = 0
    STATE = 1
    TIMES = 3
    INTER_WEIGHT = 8
    INTER_BIAS = 9
    MOTOR_WEIGHT = 10
    MOTOR_BIAS = 11
    WEIGHTS = 12
    BIASES = 17


class Parts(NamedTuple):
    """The tensors of a liquid network of F inputs, I inter and H command neurons.

    Attributes:
        inter_mask: (I, F).
        mask: (H, I + H), of every head.
        motor_mask: (O, H).
        inter_weight: (I, F).
        inter_bias: (I,).
        motor_weight: (O, H).
        motor_bias: (O,).
        weights: five of (H, I + H).
        biases: five of (H,).
    """

    inter_mask: Tensor
    mask: Tensor
    motor_mask: Tensor
    inter_weight: Tensor
    inter_bias: Tensor
    motor_weight: Tensor
    motor_bias: Tensor
    weights: Heads
    biases: Heads


def suits(x: Tensor) -> bool:
    """Whether `fused` is for (T, B, F) inputs like these, here and now."""
    return (
        x.is_cpu
        and x.dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_compiling()
        and not is_transformed()
        and not torch.is_autocast_enabled("cpu")
        and recurrence.pays(x)
    )


def fuses(x: Tensor, state: Tensor, times: Tensor | None, parts: Parts) -> bool:
    """Whether `fused` takes these: plain tensors of one dtype on the CPU."""
    *rest, weights, biases = parts
    masks = rest[:3]
    return (
        x.shape[2] == parts.inter_mask.shape[1]  # else the layer says what is wrong
        and is_plain(x, state, *rest, *weights, *biases, dtype=x.dtype)
        and (times is None or is_plain(times, dtype=x.dtype))
        and not any(mask.requires_grad for mask in masks)
    )


def fused(
    x: Tensor,
    state: Tensor,
    parts: Parts,
    *,
    resets: Tensor | None,
    times: Tensor | None,
    constant: float | None,
) -> tuple[Tensor, Tensor]:
    """Runs inter, Mish, command, Mish and motor over time.

    The same numbers as the layers one by one with `scan` between them, and fewer
    operators: masks are applied to weights and to gradients once, heads are packed in
    place, gradients of the heads are one product, and Mish leaves its slope for the
    backward. Second derivatives and `torch.func` go back to the layers.

    Args:
        x: (T, B, F) inputs.
        state: (B, H) before the first step.
        parts: what the network is made of.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        times: (T, B, 1) time since the last step.
        constant: the time since the last step, where it never changes; else None.

    Returns:
        y: (T, B, O) outputs.
        states: (T, B, H) states after each step.
    """
    *rest, weights, biases = parts
    arguments = x, state, resets, times, constant, *rest, *weights, *biases
    y, states = _Fused.apply(*arguments)  # type: ignore[no-untyped-call]  # PyTorch's own
    return y, states


def _layered(
    x: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    constant: float | None,
    *tensors: Tensor,
) -> tuple[Tensor, Tensor]:
    """Computes the same layer by layer, which can be differentiated in any way."""
    inter_mask, mask, motor_mask, inter_weight, inter_bias = tensors[:5]
    motor_weight, motor_bias, *heads = tensors[5:]
    inter = mish(functional.linear(x, inter_weight * inter_mask, inter_bias))
    weights, biases = [weight * mask for weight in heads[:5]], heads[5:]
    if constant is not None:
        for each in (weights, biases):
            each[2:4] = [each[2] * constant + each[3]]
    inter_size = mask.shape[1] - state.shape[1]
    from_inter, from_state = torch.cat(weights).tensor_split((inter_size,), dim=1)
    inputs = functional.linear(inter, from_inter, torch.cat(biases))
    y, states = scan(inputs, from_state, state, resets=resets, timespans=times)
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
        constant: float | None,
        *tensors: Tensor,
    ) -> tuple[Tensor, Tensor]:
        inter_mask, mask, motor_mask, inter_weight, inter_bias = tensors[:5]
        motor_weight, motor_bias, *heads = tensors[5:]
        steps, batch, _ = x.shape
        (hidden, size), count = mask.shape, steps * batch
        weight, bias = _packed(heads[:5], heads[5:], mask, constant)
        from_inter, from_state = weight.tensor_split((size - hidden,), dim=1)
        work = batch * from_state.numel()
        from_state = recurrence.laid_out(from_state, x, work)

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
        loop = recurrence.forward_for(packed, work)
        states = loop(packed.view(steps, batch, -1), from_state, before, resets, times)
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
        )
        ctx.constant, ctx.parameters = constant, tensors[3:]
        ctx.versions = [_version(parameter) for parameter in tensors[3:]]
        ctx.set_materialize_grads(False)
        return y, states

    @staticmethod
    def backward(ctx: Any, grad_y: Any, grad_states: Any) -> tuple[Tensor | None, ...]:
        # The gradients are tensors of (T, B, O) and (T, B, H), or None.
        needed = ctx.needs_input_grad
        if grad_y is None and grad_states is None:
            return (None,) * len(needed)
        if torch.is_grad_enabled() or is_transformed(grad_y, grad_states):
            return _layered_backward(ctx, grad_y, grad_states)
        with torch.autocast("cpu", enabled=False):
            return _written_backward(ctx, grad_y, grad_states)


def _written_backward(
    ctx: Any, grad_y: Tensor | None, grad_states: Tensor | None
) -> tuple[Tensor | None, ...]:
    needed = ctx.needs_input_grad
    # Read once: under torch.utils.checkpoint a tensor is there for one reading.
    x, _, resets, times, inter_mask, mask, motor_mask, *made = ctx.saved_tensors
    inter, from_inter, from_state, motor, slope, z, packed, command = made
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
    loop = recurrence.backward_for(packed, work=batch * from_state.numel())
    of_heads, grads[At.STATE] = loop(
        grad_command, grad_states, from_state, packed.view(three), resets, times
    )
    grad = of_heads.view(count, -1)  # (R, N·H)
    if needed[At.TIMES]:
        f_to_g, to_f = packed[:, 2 * hidden :], grad[:, 3 * hidden :]
        grad_times = (to_f[:, :hidden] * f_to_g[:, :hidden]).sum(1)
        grads[At.TIMES] = grad_times.view(steps, batch, 1)
    if any(needed[At.WEIGHTS : At.BIASES]):
        # Heads share one mask and, by their blocks, one storage.
        of_weights = (grad.T @ z).view(-1, hidden, size).mul_(mask)
        grads[At.WEIGHTS : At.BIASES] = _unpacked(of_weights, ctx.constant)
    if any(needed[At.BIASES :]):
        grads[At.BIASES :] = _unpacked(grad.sum(0).view(-1, hidden), ctx.constant)
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
    if ctx.versions != [_version(parameter) for parameter in ctx.parameters]:
        raise RuntimeError(
            "A second derivative needs the parameters that the sequence was computed "
            "with; one of them was modified by an inplace operation since. Compute the "
            "sequence again."
        )
    saved = ctx.saved_tensors  # read once, as above
    return differentiable_backward(
        _layered,
        (*saved[:4], ctx.constant, *saved[4:7], *ctx.parameters),
        ctx.needs_input_grad,
        (grad_y, grad_states),
    )


def _packed(
    weights: list[Tensor], biases: list[Tensor], mask: Tensor, constant: float | None
) -> tuple[Tensor, Tensor]:
    """Returns the (N·H, Z) masked weights and the (N·H,) biases of all heads.

    With a constant time the two f heads are one, and N is 4 instead of 5.
    """
    kept = range(5) if constant is None else (0, 1, 2, 4)
    weight = mask.new_empty(len(kept), *mask.shape)
    for block, head in zip(weight, kept, strict=True):
        torch.mul(weights[head], mask, out=block)
    bias = torch.stack([biases[head] for head in kept])
    if constant is not None:
        if constant != 1:
            weight[2] *= constant
            bias[2] *= constant
        weight[2].addcmul_(weights[3], mask)
        bias[2] += biases[3]
    return weight.view(-1, mask.shape[1]), bias.view(-1)


def _unpacked(grad: Tensor, constant: float | None) -> list[Tensor]:
    """Returns the gradients of the five heads from the (N, ...) ones of the blocks."""
    blocks = list(grad.unbind())
    if constant is not None:
        blocks.insert(2, blocks[2] * constant)
    return blocks


def _version(tensor: Tensor) -> int:
    """Returns how often a tensor was modified in place."""
    return 0 if tensor.is_inference() else tensor._version
