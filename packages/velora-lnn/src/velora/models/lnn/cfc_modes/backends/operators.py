"""The recurrence in PyTorch's operators, few of them in the loop; on any device.

Arguments are those of `velora.models.lnn.cfc_modes.backends`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.backend import OPERATORS, Backend
from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.weights import Weights


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are tensors for PyTorch's operators: all are."""
    return True


def forward(
    mode: Mode,
    weights: Weights,
    heads: Tensor,
    layers: Tensor,
    before: Tensor,
    times: Tensor | None,
    noise: Tensor | None,
    resets: Tensor | None,
) -> Tensor:
    """Overwrites `heads` and `layers`, fills `before`, returns the (T, B, H) states."""
    states = torch.empty_like(before)
    step = mode.stepper(heads, times, weights.vectors, states)
    rows = heads.unbind()
    units = [layer.unbind() for layer in layers]  # of each layer, its steps
    given = rows if not units else units[0]
    loud = [] if noise is None else noise.unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    first = weights.first.T
    deep = [] if weights.deep is None else weights.deep.mT.unbind()
    biases = [] if weights.deep_bias is None else weights.deep_bias.unbind()
    state = before[0]
    for i in range(len(heads)):
        if resets is not None and i and reset_at[i]:
            state = state.masked_fill(resets[i, :, None], 0)
        given[i].addmm_(state, first)
        if units:
            now = given[i].tanh_()
            for layer, weight, bias in zip(units[1:], deep, biases, strict=True):
                now = torch.addmm(bias, now, weight, out=layer[i]).tanh_()
            if noise is not None:
                now = now * loud[i]
            torch.addmm(weights.heads_bias, now, weights.heads.T, out=rows[i])  # type: ignore[arg-type, union-attr]  # there are units
        state = step(i)
    before[1:] = states[:-1]
    if resets is not None:
        before[1:].masked_fill_(resets[1:, :, None], 0)
    return states


def backward(
    grad_states: Tensor,
    weights: Weights,
    slopes: Tensor,
    steepness: Tensor,
    resets: Tensor | None,
) -> Tensor:
    """Turns derivatives into gradients; see the table."""
    whole, factors = grad_states.unbind(), slopes.unbind()
    rows = slopes.flatten(2).unbind()
    units = [layer.unbind() for layer in steepness]
    deep = [] if weights.deep is None else weights.deep.unbind()
    later = [*deep, weights.heads] if units else []  # what follows each layer
    backwards = list(zip(units[::-1], later[::-1], strict=True))
    reset_at = [] if resets is None else resets.any(1).tolist()
    for i in range(len(whole) - 1, -1, -1):
        factors[i].mul_(whole[i][:, None])
        now = rows[i]
        for layer, weight in backwards:
            now = layer[i].mul_(now @ weight)  # type: ignore[operator]  # there are heads
        if i and not (resets is not None and reset_at[i]):
            whole[i - 1].addmm_(now, weights.first)
            continue
        now = now @ weights.first
        if resets is not None:
            now.masked_fill_(resets[i, :, None], 0)
        if i:
            whole[i - 1].add_(now)
    return now


BACKEND = Backend(OPERATORS, takes, forward, backward, Tensor.contiguous)
