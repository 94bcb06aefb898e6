"""The recurrence of `scan`, forward and backward: in operators, or compiled.

All take the same arguments: (T, B, N·H) `inputs`; the (M·H, H) `weight` of the
M = N - 1 heads that the next state depends on, in the order g, h, f or g, h, f_to_g,
f_to_h; the (B, H) `state`; (T, B) `resets` and (T, B, 1) `times`, or None.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.compiled import loops


def forward(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Returns the (T, B, H) states and the (T, B, M·H) activations.

    The activations are tanh(g), tanh(h), with times f_to_g as it is, and the gate.
    """
    hidden = state.shape[1]
    activations = inputs.new_empty(*inputs.shape[:2], len(weight))
    states = inputs.new_empty(*inputs.shape[:2], hidden)
    # Views are made once here: one costs as much as what is computed with it.
    rows = inputs[..., : len(weight)].unbind()
    heads = activations.unbind()
    blocks = len(weight) // hidden
    both = activations[..., : 2 * hidden].unbind()
    g, h, *f_to_g, gate = (x.unbind() for x in activations.chunk(blocks, dim=2))
    after = states.unbind()
    t = [] if times is None else times.unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    weight = weight.T
    for step in range(len(inputs)):
        if resets is not None and reset_at[step]:
            state = state.masked_fill(resets[step, :, None], 0)
        torch.addmm(rows[step], state, weight, out=heads[step])
        if times is not None:
            gate[step].addcmul_(f_to_g[0][step], t[step])
        gate[step].sigmoid_()
        both[step].tanh_()
        state = torch.lerp(g[step], h[step], gate[step], out=after[step])
    return states, activations


def backward(
    grad: Tensor,
    weight: Tensor,
    activations: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    grad_inputs: Tensor,
) -> Tensor:
    """Fills the (T, B, N·H) gradients of the inputs and returns that of the state.

    All but those of the projection, that is. `grad` is (T, B, H), of the states from
    outside the recurrence.
    """
    steps, _, hidden = grad.shape
    grad_inputs = grad_inputs[..., :-hidden]
    heads = grad_inputs.view(*grad.shape[:2], -1, hidden)  # (T, B, M, H)
    g, h, *_, gate = activations.chunk(heads.shape[2], dim=2)
    # First what a step's gradient is multiplied by, for all steps at once.
    torch.mul(1 - g * g, 1 - gate, out=heads[:, :, 0])
    torch.mul(1 - h * h, gate, out=heads[:, :, 1])
    torch.mul((h - g).mul_(gate), 1 - gate, out=heads[:, :, -1])
    if times is not None:
        torch.mul(heads[:, :, 3], times, out=heads[:, :, 2])
    factors, rows, outside = heads.unbind(), grad_inputs.unbind(), grad.unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    now = outside[-1]
    for step in range(steps - 1, -1, -1):
        factors[step].mul_(now[:, None])
        if step and not (resets is not None and reset_at[step]):
            now = torch.addmm(outside[step - 1], rows[step], weight)
            continue
        now = rows[step] @ weight
        if resets is not None:
            now.masked_fill_(resets[step, :, None], 0)
        if step:
            now += outside[step - 1]
    return now


def compiled_forward(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes what `forward` does."""
    activations = inputs.new_empty(*inputs.shape[:2], len(weight))
    states = inputs.new_empty(*inputs.shape[:2], state.shape[1])
    compiled: Any = loops()
    compiled.scan_forward(
        _array(inputs),
        _array(weight.T),
        _array(state.clone()),
        *_accompanying(inputs, resets, times),
        activations.numpy(),
        states.numpy(),
    )
    return states, activations


def compiled_backward(
    grad: Tensor,
    weight: Tensor,
    activations: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    grad_inputs: Tensor,
) -> Tensor:
    """Computes what `backward` does."""
    grad_state = grad.new_empty(grad[0].shape)
    compiled: Any = loops()
    compiled.scan_backward(
        _array(grad),
        _array(weight),
        activations.numpy(),
        *_accompanying(grad, resets, times),
        grad_inputs.numpy(),
        grad_state.numpy(),
    )
    return grad_state


def _accompanying(
    inputs: Tensor, resets: Tensor | None, times: Tensor | None
) -> tuple[Any, Any]:
    """Returns resets and times as (T, B) arrays, empty where there are none."""
    if resets is None:
        resets = inputs.new_empty((0, 0), dtype=torch.bool)
    times = inputs.new_empty((0, 0)) if times is None else times[..., 0]
    return _array(resets), _array(times)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
