"""The liquid recurrence over time as one differentiable function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn import recurrence
from velora.models.lnn.compiled import is_transformed


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
    where it is installed (`velora-lnn[fast]`). Second derivatives, `torch.func` and
    `torch.compile` take plain operators. Under autocast it computes in the weight's
    dtype.

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
    _check(inputs, weight, state, resets, timespans)
    times = None
    if timespans is not None:
        steps, batch, _ = inputs.shape
        times = timespans.to(weight.dtype).view(steps, -1, 1).expand(steps, batch, 1)
    if resets is not None:
        resets = resets.bool()
    arguments = inputs.to(weight.dtype), weight, state.to(weight.dtype), resets, times
    if inputs.is_meta:  # where there is no autocast to turn off
        return _unrolled(*arguments)
    short = len(inputs) <= recurrence.SHORT
    with torch.autocast(inputs.device.type, enabled=False):
        if short or torch.compiler.is_compiling() or is_transformed():
            return _unrolled(*arguments)
        y, states = _Scan.apply(*arguments)  # type: ignore[no-untyped-call]  # PyTorch's own
    return y, states


def _unrolled(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes the same with operators that PyTorch can differentiate in any way."""
    outputs, states = [], []
    for step, projected in enumerate(inputs):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        heads = projected + functional.linear(state, weight)
        g, h, *f, proj = heads.chunk(4 if times is None else 5, dim=1)
        gate = torch.sigmoid(f[0] if times is None else f[0] * times[step] + f[1])
        state = torch.lerp(torch.tanh(g), torch.tanh(h), gate)
        outputs.append(proj + state)
        states.append(state)
    return torch.stack(outputs), torch.stack(states)


class _Scan(torch.autograd.Function):
    """The same with few operators in the loop, or compiled, and a written backward."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        state: Tensor,
        resets: Tensor | None,
        times: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        steps, batch, _ = inputs.shape
        loop = recurrence.forward_for(inputs, work=batch * weight.numel())
        heads = inputs.clone(memory_format=torch.contiguous_format)
        before = state.new_empty(steps, *state.shape)
        before[0] = state
        if resets is not None:
            before[0].masked_fill_(resets[0, :, None], 0)
        states = loop(heads, weight, before, resets, times)
        ctx.save_for_backward(inputs, weight, state, resets, times, heads, before)
        ctx.set_materialize_grads(False)
        return heads[..., -state.shape[1] :].contiguous(), states

    @staticmethod
    def backward(ctx: Any, grad_y: Any, grad_states: Any) -> tuple[Tensor | None, ...]:
        # Each gradient is a tensor of (T, B, H), or None.
        inputs, weight, state, resets, times, heads, before = ctx.saved_tensors
        arguments = inputs, weight, state, resets, times
        needed = ctx.needs_input_grad
        if grad_y is None and grad_states is None:
            return None, None, None, None, None
        with torch.autocast(inputs.device.type, enabled=False):
            if torch.is_grad_enabled() or is_transformed(grad_y, grad_states):
                grads = grad_y, grad_states
                return differentiable_backward(_unrolled, arguments, needed, grads)
            loop = recurrence.backward_for(heads, work=len(state) * weight.numel())
            grad_inputs, grad_state = loop(
                grad_y, grad_states, weight, heads, resets, times
            )
            grad_weight = grad_times = None
            if needed[1]:
                grad_weight = grad_inputs.flatten(0, 1).T @ before.flatten(0, 1)
            if needed[4]:
                hidden = state.shape[1]
                f_to_g = heads[..., 2 * hidden : 3 * hidden]
                grad_f = grad_inputs[..., 3 * hidden : 4 * hidden]
                grad_times = (grad_f * f_to_g).sum(2, keepdim=True)
        return grad_inputs, grad_weight, grad_state, None, grad_times


def differentiable_backward(
    function: Callable[..., tuple[Tensor, ...]],
    arguments: tuple[Any, ...],
    needed: tuple[bool, ...],
    grads: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...]:
    """Returns gradients that can be differentiated again.

    Args:
        function: computes the outputs in plain operators.
        arguments: of the function, some of them no tensors.
        needed: whether the gradient of that argument is needed.
        grads: of the function's outputs.
    """
    with torch.enable_grad():
        # As views, arguments do not depend on each other, whatever they came from.
        inner = [x.view_as(x) if isinstance(x, Tensor) else x for x in arguments]
        wanted = [x for x, need in zip(inner, needed, strict=True) if need]
        pairs = zip(function(*inner), grads, strict=True)
        given = [pair for pair in pairs if pair[1] is not None]
        outputs, directions = zip(*given, strict=True)
        found = iter(
            torch.autograd.grad(
                outputs, wanted, directions, create_graph=True, allow_unused=True
            )
        )
    return tuple(next(found) if need else None for need in needed)


def _check(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    timespans: Tensor | None,
) -> None:
    """Refuses other shapes than those that `scan` names with a ValueError."""
    heads, hidden = 4 if timespans is None else 5, weight.shape[-1:].numel()
    size = heads * hidden
    if weight.dim() != 2 or len(weight) != size:
        raise ValueError(
            f"`weight` must have shape (N·H, H), with N = {heads} heads "
            f"{'without' if heads == 4 else 'with'} timespans; got "
            f"{tuple(weight.shape)}."
        )
    if inputs.dim() != 3 or 0 in inputs.shape or inputs.shape[2] != size:
        raise ValueError(
            f"`inputs` must have shape (T, B, N·H) = (T, B, {size}), T and B at least "
            f"1; got {tuple(inputs.shape)}."
        )
    steps, batch, _ = inputs.shape
    expected: dict[str, tuple[Tensor | None, tuple[tuple[int, ...], ...]]] = {
        "state": (state, ((batch, hidden),)),
        "resets": (resets, ((steps, batch),)),
        "timespans": (timespans, ((steps,), (steps, batch), (steps, batch, 1))),
    }
    for name, (tensor, shapes) in expected.items():
        if tensor is not None and tuple(tensor.shape) not in shapes:
            raise ValueError(
                f"`{name}` must have shape {' or '.join(map(str, shapes))}; got "
                f"{tuple(tensor.shape)}."
            )
