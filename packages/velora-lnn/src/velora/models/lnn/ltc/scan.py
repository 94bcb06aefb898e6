"""Liquid time-constant neurons over time as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_traced
from velora.models.lnn.ltc import backends
from velora.models.lnn.ltc.rows import rows_of
from velora.models.lnn.ltc.unrolled import unrolled


def scan(
    x: Tensor,
    state: Tensor,
    neurons: Tensor,
    synapses: Tensor,
    mask: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    unfolds: int,
) -> Tensor:
    """Runs liquid time-constant neurons over time, with arguments that are checked.

    `velora.models.lnn.ltc.step` has the equations. What a step costs grows with the
    synapses, not with the pairs of neurons. Single precision on a CPU takes loops that
    numba has compiled, where it is installed (`velora-lnn[fast]`); `VELORA_SCAN` forces
    a backend, see `velora.models.lnn.backend`. Second derivatives, `torch.func` and
    `torch.compile` take plain operators. It computes in the dtype of the neurons, under
    autocast too.

    Args:
        x: (T, B, F) inputs.
        state: (B, H) potentials before the first step.
        neurons: (3, H) leak, leak potential and capacitance.
        synapses: (4, H, F + H) weight, reversal potential, µ and σ, to each neuron from
            inputs and neurons.
        mask: (H, F + H) booleans, true where a synapse is.
        times: (T, B, 1) time since the last step, finite; None for 1.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        unfolds: steps of the solver a time step.

    Returns:
        (T, B, H) states after each step.
    """
    dtype = neurons.dtype
    times = None if times is None else times.to(dtype)
    tensors = x.to(dtype), state.to(dtype), neurons, synapses
    arguments = *tensors, mask, times, resets, unfolds
    if x.is_meta or mask.is_meta:  # where nothing is known of synapses
        return unrolled(*arguments)
    with torch.autocast(x.device.type, enabled=False):
        backend = None if is_traced() else backends.choose(tensors[0])
        if backend is None:
            return unrolled(*arguments)
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
        synapses: Tensor,
        mask: Tensor,
        times: Tensor | None,
        resets: Tensor | None,
        unfolds: int,
        backend: Backend,
    ) -> Tensor:
        steps, batch, inputs = x.shape
        kinds = [(rows, rows.compress(synapses)) for rows in rows_of(mask, inputs)]
        trail = state.new_empty(steps, unfolds + 1, state.shape[1], batch)
        trail[0, 0] = state.T
        of_inputs = x.transpose(1, 2).contiguous()
        solved = backend.forward(of_inputs, (neurons, *kinds), times, resets, trail)
        ctx.save_for_backward(
            *(x, state, neurons, synapses, mask, times, resets),
            *(of_inputs, trail, *solved),
        )
        ctx.kinds, ctx.unfolds, ctx.backend = kinds, unfolds, backend
        ctx.set_materialize_grads(False)
        return trail[:, -1].transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad
        if grad is None:
            return (None,) * len(needed)
        arguments, kept = ctx.saved_tensors[:7], ctx.saved_tensors[7:]
        _, _, neurons, synapses, _, times, resets = arguments
        with torch.autocast(grad.device.type, enabled=False):
            if torch.is_grad_enabled() or is_traced(grad):
                return *differentiable_backward(
                    lambda *arguments: (unrolled(*arguments),),
                    (*arguments, ctx.unfolds),
                    needed[:8],
                    (grad,),
                ), None
            of_inputs, *kept = kept
            grads = ctx.backend.backward(
                grad.transpose(1, 2).contiguous(),
                *(of_inputs, (neurons, *ctx.kinds), times, resets, *kept),
            )
            grad_x, grad_state, grad_neurons, *of_kinds, grad_times = grads
            grad_synapses = torch.zeros_like(
                synapses, memory_format=torch.contiguous_format
            )
            for (rows, _), of_kind in zip(ctx.kinds, of_kinds, strict=True):
                rows.put(of_kind, grad_synapses)
        return (
            *(grad_x.transpose(1, 2), grad_state.T, grad_neurons, grad_synapses, None),
            *(grad_times, None, None, None),
        )
