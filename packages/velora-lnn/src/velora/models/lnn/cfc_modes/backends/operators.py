"""The recurrence in PyTorch's operators, few of them in the loop; on any device.

Arguments are those of `velora.models.lnn.cfc_modes.backends`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.backend import OPERATORS, Backend
from velora.models.lnn.cfc_modes.memory import Recalled
from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.weights import Trail, Weights


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are tensors for PyTorch's operators: all are."""
    return True


def forward(
    mode: Mode,
    weights: Weights,
    trail: Trail,
    times: Tensor | None,
    noise: Tensor | None,
    resets: Tensor | None,
    memory: Tensor | None,
) -> Tensor:
    """Fills the trail and returns the states; see the table."""
    heads, before, raw = trail.heads, trail.before, trail.raw
    hidden = before.shape[2]
    states = torch.empty_like(raw)
    step = mode.stepper(heads, times, weights.vectors, states[..., :hidden])
    rows, whole = heads.unbind(), states.unbind()
    units = [layer.unbind() for layer in trail.layers]  # of each layer, its steps
    given = rows if not units else units[0]
    loud = [] if noise is None else noise.unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    first = weights.first.T
    deep = [] if weights.deep is None else weights.deep.mT.unbind()
    biases = [] if weights.deep_bias is None else weights.deep_bias.unbind()
    state = raw[0]
    for i in range(len(heads)):
        if resets is not None and i and reset_at[i]:
            state = state.masked_fill(resets[i, :, None], 0)
        h = state
        if memory is not None and trail.gates is not None:
            h = _recall(trail.gates[i], memory, state, before[i], whole[i])
        given[i].addmm_(h, first)
        if units:
            now = given[i].tanh_()
            for layer, weight, bias in zip(units[1:], deep, biases, strict=True):
                now = torch.addmm(bias, now, weight, out=layer[i]).tanh_()
            if noise is not None:
                now = now * loud[i]
            torch.addmm(weights.heads_bias, now, weights.heads.T, out=rows[i])  # type: ignore[arg-type, union-attr]  # there are heads
        step(i)
        state = whole[i]
    raw[1:] = states[:-1]
    if resets is not None:
        raw[1:].masked_fill_(resets[1:, :, None], 0)
    return states


def backward(
    grad_states: Tensor,
    weights: Weights,
    slopes: Tensor,
    steepness: Tensor,
    resets: Tensor | None,
    past: Recalled | None,
) -> Tensor:
    """Turns derivatives into gradients; see the table."""
    hidden = slopes.shape[-1]
    whole, factors = grad_states.unbind(), slopes.unbind()
    of_state = grad_states[:, :, None, :hidden].unbind()
    rows = slopes.flatten(2).unbind()
    units = [layer.unbind() for layer in steepness]
    deep = [] if weights.deep is None else weights.deep.unbind()
    later = [*deep, weights.heads] if units else []  # what follows each layer
    backwards = list(zip(units[::-1], later[::-1], strict=True))
    reset_at = [] if resets is None else resets.any(1).tolist()
    for i in range(len(whole) - 1, -1, -1):
        factors[i].mul_(of_state[i])
        now = rows[i]
        for layer, weight in backwards:
            now = layer[i].mul_(now @ weight)  # type: ignore[operator]  # there are heads
        if past is None and i and not (resets is not None and reset_at[i]):
            whole[i - 1].addmm_(now, weights.first)
            continue
        now = now @ weights.first
        if past is not None:
            now = _recall_backward(now, whole[i][:, hidden:], past, i)
        if resets is not None:
            now.masked_fill_(resets[i, :, None], 0)
        if i:
            whole[i - 1].add_(now)
    return now


def _recall(
    gates: Tensor, weight: Tensor, state: Tensor, before: Tensor, after: Tensor
) -> Tensor:
    """Goes one step of the memory; returns the (B, H) state that the cell starts from.

    It leaves tanh(a) and the open gates, and fills `before` and the memory of `after`.
    """
    hidden = before.shape[1]
    gates.addmm_(state[:, :hidden], weight.T)
    a, i, f, o = gates.chunk(4, dim=1)
    a.tanh_()
    f.add_(1)
    gates[:, hidden:].sigmoid_()
    c = torch.mul(f, state[:, hidden:], out=after[:, hidden:]).addcmul_(i, a)
    return torch.mul(o, torch.tanh(c), out=before)


def _recall_backward(now: Tensor, memory: Tensor, past: Recalled, i: int) -> Tensor:
    """Returns the (B, 2·H) gradient of state and memory before step i.

    Args:
        now: (B, H) gradient of the state that the cell started from.
        memory: (B, H) gradient of the memory after the step, from later ones.
        past: the memory's derivatives; those of the gates become gradients.
        i: the step.
    """
    memory = torch.addcmul(memory, now, past.out[i])
    gates = past.slopes[i]
    both = gates.view(len(now), 4, -1)
    both[:, :3].mul_(memory[:, None])
    both[:, 3].mul_(now)
    return torch.cat((gates @ past.weight, memory * past.kept[i]), dim=1)


BACKEND = Backend(OPERATORS, takes, forward, backward, Tensor.contiguous)
