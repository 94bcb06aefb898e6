"""The liquid recurrence over time as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn import recurrence
from velora.models.lnn.compiled import is_single, is_transformed, loops

# From this many multiplications a step on, PyTorch's product outruns the compiled loop.
_LARGE = 400_000
_SHORT = 2  # steps that the fast path's preparations do not pay for


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
    short = len(inputs) <= _SHORT
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
        hidden = state.shape[1]
        compiled = _takes_loops(inputs, weight, state)
        loop = recurrence.compiled_forward if compiled else recurrence.forward
        states, activations = loop(inputs, weight[:-hidden], state, resets, times)
        before = _before(states, state, resets)
        proj = inputs[..., -hidden:]
        y = functional.linear(before, weight[-hidden:]).add_(proj).add_(states)
        ctx.save_for_backward(inputs, weight, state, resets, times, states, activations)
        ctx.set_materialize_grads(False)
        return y, states

    @staticmethod
    def backward(ctx: Any, grad_y: Any, grad_states: Any) -> tuple[Tensor | None, ...]:
        # Each gradient is a tensor of (T, B, H), or None.
        inputs, weight, state, resets, times, states, activations = ctx.saved_tensors
        arguments = inputs, weight, state, resets, times
        needed = ctx.needs_input_grad
        if grad_y is None and grad_states is None:
            return None, None, None, None, None
        hidden = state.shape[1]
        with torch.autocast(inputs.device.type, enabled=False):
            if torch.is_grad_enabled() or is_transformed():
                return _differentiable_backward(arguments, needed, grad_y, grad_states)
            compiled = _takes_loops(inputs, weight, state)
            loop = recurrence.compiled_backward if compiled else recurrence.backward
            grad_inputs = inputs.new_empty(inputs.shape)
            grad_proj = grad_inputs[..., -hidden:]
            early = None
            if grad_y is None:
                grad_proj.zero_()
                grad = grad_states
            else:
                grad_proj.copy_(grad_y)
                # To the states before each step, that is after the one before it.
                early = grad_y @ weight[-hidden:]
                if resets is not None:
                    early.masked_fill_(resets[..., None], 0)
                grad = grad_y.clone() if grad_states is None else grad_y + grad_states
                grad[:-1] += early[1:]
            grad_state = loop(
                grad, weight[:-hidden], activations, resets, times, grad_inputs
            )
            if early is not None:
                grad_state += early[0]
            grad_weight = grad_times = None
            if needed[1]:
                before = _before(states, state, resets)
                grad_weight = grad_inputs.flatten(0, 1).T @ before.flatten(0, 1)
            if needed[4]:
                f_to_g = activations[..., 2 * hidden : 3 * hidden]
                grad_f = grad_inputs[..., 3 * hidden : 4 * hidden]
                grad_times = (grad_f * f_to_g).sum(2, keepdim=True)
        return grad_inputs, grad_weight, grad_state, None, grad_times


def _differentiable_backward(
    arguments: tuple[Any, ...],
    needed: tuple[bool, ...],
    grad_y: Tensor | None,
    grad_states: Tensor | None,
) -> tuple[Tensor | None, ...]:
    """Returns gradients that can be differentiated again."""
    with torch.enable_grad():
        # As views, arguments do not depend on each other, whatever they came from.
        inner: Any = [x if x is None else x.view_as(x) for x in arguments]
        wanted = [x for x, need in zip(inner, needed, strict=True) if need]
        pairs = zip(_unrolled(*inner), (grad_y, grad_states), strict=True)
        given = [pair for pair in pairs if pair[1] is not None]
        outputs, grads = zip(*given, strict=True)
        found = iter(torch.autograd.grad(outputs, wanted, grads, create_graph=True))
    return tuple(next(found) if need else None for need in needed)


def _before(states: Tensor, state: Tensor, resets: Tensor | None) -> Tensor:
    """Returns the (T, B, H) states before each step, after its reset."""
    before = torch.cat((state[None], states[:-1]))
    return before if resets is None else before.masked_fill_(resets[..., None], 0)


def _takes_loops(inputs: Tensor, weight: Tensor, state: Tensor) -> bool:
    """Whether the compiled loops are there, take these tensors and are faster."""
    return (
        inputs.shape[1] * weight.numel() <= _LARGE
        and is_single(inputs, weight, state)
        and loops() is not None
    )


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
