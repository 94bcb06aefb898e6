"""Liquid time-constant neurons over time as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_traced
from velora.models.lnn.ltc import backends
from velora.models.lnn.ltc.rows import Rows
from velora.models.lnn.ltc.unrolled import unrolled


def scan(
    x: Tensor,
    state: Tensor,
    neurons: Tensor,
    sensory: Tensor,
    recurrent: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    rows: tuple[Rows, Rows],
    unfolds: int,
) -> Tensor:
    """Runs liquid time-constant neurons over time, with arguments that are checked.

    `velora.models.lnn.ltc.step` has the equations. What a step costs grows with the
    synapses, not with the pairs of neurons. Single precision on a CPU takes loops that
    numba has compiled, where it is installed (`velora-lnn[fast]`); `VELORA_SCAN` forces
    a backend, see `velora.models.lnn.backend`. Second derivatives take plain operators.

    Args:
        x: (T, B, F) inputs.
        state: (B, H) potentials before the first step.
        neurons: (3, H) leak, leak potential and capacitance.
        sensory: (4, K) weight, reversal potential, µ and σ of each synapse from inputs.
        recurrent: (4, L) those of each synapse from other neurons.
        times: (T, B, 1) time since the last step, finite; None for 1.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        rows: where the synapses from inputs are, and those from other neurons.
        unfolds: steps of the solver a time step.

    Returns:
        (T, B, H) states after each step, in the dtype of `neurons`.
    """
    dtype = neurons.dtype
    times = None if times is None else times.to(dtype)
    tensors = x.to(dtype), state.to(dtype), neurons, sensory, recurrent, times
    arguments = *tensors, resets, rows, unfolds
    with torch.autocast(x.device.type, enabled=False):
        backend = backends.choose(tensors[0])
        if backend is None:
            return _unrolled(*arguments)
        states: Tensor = _Scan.apply(*arguments, backend)  # type: ignore[no-untyped-call]  # PyTorch's own
    return states


class _Scan(torch.autograd.Function):
    """The same by a backend, with a written backward."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        state: Tensor,
        neurons: Tensor,
        sensory: Tensor,
        recurrent: Tensor,
        times: Tensor | None,
        resets: Tensor | None,
        rows: tuple[Rows, Rows],
        unfolds: int,
        backend: Backend,
    ) -> Tensor:
        steps, batch, _ = x.shape
        trail = state.new_empty(steps, unfolds + 1, state.shape[1], batch)
        trail[0, 0] = state.T
        inputs = x.transpose(1, 2).contiguous()
        solved: tuple[Tensor, Tensor] = backend.forward(
            inputs, neurons, sensory, recurrent, times, resets, rows, trail
        )
        ctx.save_for_backward(
            *(x, state, neurons, sensory, recurrent, times, resets),
            *(*rows[0], *rows[1], inputs, trail, *solved),
        )
        ctx.unfolds, ctx.backend = unfolds, backend
        ctx.set_materialize_grads(False)
        return trail[:, -1].transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad
        if grad is None:
            return (None,) * len(needed)
        *given, inputs, trail, current, conductance = ctx.saved_tensors
        *tensors, times, resets = given[:7]
        rows = Rows(*given[7:10]), Rows(*given[10:])
        with torch.autocast(grad.device.type, enabled=False):
            if torch.is_grad_enabled() or is_traced(grad):
                return *differentiable_backward(
                    lambda *arguments: (_unrolled(*arguments),),
                    (*tensors, times, resets, rows, ctx.unfolds),
                    needed[:9],
                    (grad,),
                ), None
            grads = ctx.backend.backward(
                grad.transpose(1, 2).contiguous(),
                *(inputs, *tensors[2:], times, resets, rows),
                *(trail, current, conductance),
            )
        of_inputs, of_state, *others = grads
        return of_inputs.transpose(1, 2), of_state.T, *others, None, None, None, None


def _unrolled(
    x: Tensor,
    state: Tensor,
    neurons: Tensor,
    sensory: Tensor,
    recurrent: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    rows: tuple[Rows, Rows],
    unfolds: int,
) -> Tensor:
    sensory = rows[0].dense(sensory, x.shape[2])
    recurrent = rows[1].dense(recurrent, state.shape[1])
    return unrolled(x, state, neurons, sensory, recurrent, times, resets, unfolds)
