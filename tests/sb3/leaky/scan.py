"""The leaky integrator over time: its steps, and a backend with a written backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import OPERATORS, Backend, choose
from velora.models.lnn.eager import is_traced


def steps(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    decay: Tensor,
    resets: Tensor | None,
) -> Tensor:
    """Returns the (T, B, H) states: h' = decay·h + (1 - decay)·tanh(u + W h).

    Args:
        inputs: (T, B, H) what inputs and biases give, u.
        weight: (H, H) from the state, W.
        state: (B, H) before the first step.
        decay: (T, B, H).
        resets: (T, B) booleans, or None.
    """
    states = []
    for step, now in enumerate(inputs):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        drive = torch.tanh(now + state @ weight.T)
        state = torch.lerp(drive, state, decay[step])
        states.append(state)
    return torch.stack(states)


def scan(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    decay: Tensor,
    resets: Tensor | None,
) -> Tensor:
    """Computes `steps` by the backend that fits."""
    arguments = inputs, weight, state, decay, resets
    backend = None if is_traced() else choose(BACKENDS, inputs, work=0)
    if backend is None:
        return steps(*arguments)
    states: Tensor = _Scan.apply(backend, *arguments)
    return states


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, backend: Backend, *arguments: Any) -> Tensor:
        _, weight, _, decay, resets = arguments
        before, drives, states = backend.forward(*arguments)
        ctx.save_for_backward(weight, decay, resets, before, drives)
        ctx.backend = backend
        found: Tensor = states
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, *ctx.backend.backward(grad, *ctx.saved_tensors), None


def _forward(
    inputs: Tensor, weight: Tensor, state: Tensor, decay: Tensor, resets: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    before, drives, states = (torch.empty_like(inputs) for _ in range(3))
    for step, now in enumerate(inputs):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        before[step] = state
        drives[step] = torch.tanh(now + state @ weight.T)
        state = states[step] = torch.lerp(drives[step], state, decay[step])
    return before, drives, states


def _backward(
    grad: Tensor,
    weight: Tensor,
    decay: Tensor,
    resets: Tensor | None,
    before: Tensor,
    drives: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    to_inputs, to_decay = torch.empty_like(grad), torch.empty_like(grad)
    now = torch.zeros_like(grad[0])
    for step in range(len(grad) - 1, -1, -1):
        now = now + grad[step]
        to_decay[step] = now * (before[step] - drives[step])
        to_inputs[step] = now * (1 - decay[step]) * (1 - drives[step] ** 2)
        now = now * decay[step] + to_inputs[step] @ weight
        if resets is not None:
            now = now.masked_fill(resets[step, :, None], 0)
    to_weight = to_inputs.flatten(0, 1).T @ before.flatten(0, 1)
    return to_inputs, to_weight, now, to_decay


BACKENDS = (
    Backend(OPERATORS, lambda x, work: True, _forward, _backward, Tensor.contiguous),
)
