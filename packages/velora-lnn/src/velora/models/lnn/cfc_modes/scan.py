"""A CfC cell in any mode over time as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc_modes import backends
from velora.models.lnn.cfc_modes.memory import Memory, recalled
from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.unrolled import unrolled
from velora.models.lnn.cfc_modes.weights import Trail, Weights
from velora.models.lnn.double_backward import differentiable_backward
from velora.models.lnn.eager import is_traced


def scan(
    mode: Mode,
    inputs: Tensor,
    weights: Weights,
    state: Tensor,
    *,
    times: Tensor | None = None,
    noise: Tensor | None = None,
    resets: Tensor | None = None,
    memory: Memory | None = None,
) -> Tensor:
    """Runs a CfC cell over time, with arguments that are checked.

    With L layers, for each step

        layer = tanh(inputs[step] + state @ first.T), and L - 1 times
        layer = tanh(layer @ deep.T + deep_bias)
        heads = (layer · noise[step]) @ heads.T + heads_bias
        state = what the mode makes of the heads

    and without layers heads = inputs[step] + state @ first.T. With a memory, the state
    that a step starts from is what `recall` makes of state and memory. Gradients of the
    weights are one product each after the loop. `VELORA_SCAN` forces a backend, see
    `velora.models.lnn.backend`. Second derivatives, `torch.func`, `torch.compile` and
    sequences of one or two steps take plain operators. Under autocast it computes in
    the weights' dtype.

    Args:
        mode: what the state is made of.
        inputs: (T, B, U) what inputs and biases give to the first layer, or where there
            is none, (T, B, N·H) to the heads.
        weights: of everything after it.
        state: (B, H) before the first step; with a memory (B, 2·H), side by side.
        times: (T, B, 1) time since the last step; None for 1, or where it is merged
            into the heads.
        noise: (T, B, U) what the last layer is multiplied with, as dropout draws it.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        memory: an LSTM's, beside the state.

    Returns:
        (T, B, H) states after each step; with a memory (T, B, 2·H).
    """
    dtype = weights.first.dtype
    times = None if times is None else times.to(dtype)
    gates = None if memory is None else memory.gates.to(dtype)
    memory_weight = None if memory is None else memory.weight
    tensors = (
        *(inputs.to(dtype), state.to(dtype), times, noise, resets),
        *(gates, memory_weight, *weights),
    )
    if inputs.is_meta:  # where there is no autocast to turn off
        return unrolled(mode, *tensors)
    with torch.autocast(inputs.device.type, enabled=False):
        if is_traced() or backends.is_short(inputs):
            return unrolled(mode, *tensors)
        products = [memory_weight, weights.first, weights.deep, weights.heads]
        work = sum(weight.numel() for weight in products if weight is not None)
        backend = backends.choose(tensors[0], inputs.shape[1] * work)
        if backend is None:
            return unrolled(mode, *tensors)
        states: Tensor = _Scan.apply(mode, backend, *tensors)  # type: ignore[no-untyped-call]  # PyTorch's own
    return states


class _Scan(torch.autograd.Function):
    """The same by a backend, with a written backward."""

    @staticmethod
    def forward(
        ctx: Any,
        mode: Mode,
        backend: Backend,
        inputs: Tensor,
        state: Tensor,
        times: Tensor | None,
        noise: Tensor | None,
        resets: Tensor | None,
        given: Tensor | None,
        memory: Tensor | None,
        *tensors: Tensor | None,
    ) -> Tensor:
        weights = Weights(*tensors)  # type: ignore[arg-type]  # their order is that
        n_layers = weights.n_layers
        steps, batch, width = inputs.shape
        layers = inputs.new_empty(n_layers, steps, batch, width)
        if weights.heads is None:
            heads = inputs.clone(memory_format=torch.contiguous_format)
        else:
            layers[0] = inputs
            heads = inputs.new_empty(steps, batch, len(weights.heads))
        raw = state.new_empty(steps, *state.shape)
        raw[0] = state
        if resets is not None:
            raw[0].masked_fill_(resets[0, :, None], 0)
        before, gates = raw, None  # where the cell starts, and what led there
        if given is not None:
            before = state.new_empty(steps, batch, weights.first.shape[1])
            gates = given.clone(memory_format=torch.contiguous_format)
        states: Tensor = backend.forward(
            mode,
            weights,
            Trail(heads, layers, before, raw, gates),
            times,
            noise,
            resets,
            memory,
        )
        arguments = inputs, state, times, noise, resets, given, memory, *tensors
        kept = heads, layers, before, raw, gates, None if gates is None else states
        ctx.save_for_backward(*arguments, *kept)
        ctx.mode, ctx.backend = mode, backend
        ctx.set_materialize_grads(False)
        return states

    @staticmethod
    def backward(ctx: Any, grad: Any) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad
        if grad is None:
            return (None,) * len(needed)
        *arguments, heads, layers, before, raw, gates, states = ctx.saved_tensors
        mode = ctx.mode
        with torch.autocast(grad.device.type, enabled=False):
            if torch.is_grad_enabled() or is_traced(grad):
                return (
                    None,
                    None,
                    *differentiable_backward(
                        lambda *arguments: (unrolled(mode, *arguments),),
                        tuple(arguments),
                        needed[2:],
                        (grad,),
                    ),
                )
            _, _, times, noise, resets, _, memory, *tensors = arguments
            weights = Weights(*tensors)
            whole = grad.clone(memory_format=torch.contiguous_format)
            slopes = mode.slopes(heads, times, weights.vectors)
            steepness = (layers * layers).neg_().add_(1)
            if noise is not None:
                steepness[-1].mul_(noise)
            past = None if memory is None else recalled(gates, memory, raw, states)
            grad_state = ctx.backend.backward(
                whole, weights, slopes, steepness, resets, past
            )
            grad_heads, hidden = slopes.flatten(2), before.shape[2]
            grad_times, grad_vectors = mode.gradients(
                whole[..., :hidden], grad_heads, heads, times, weights.vectors
            )
            grad_gates = grad_memory = None
            if past is not None:
                grad_gates = past.slopes
                grad_memory = _product(grad_gates, raw[..., :hidden])
            grad_inputs, grads = _of_weights(
                grad_heads, steepness, layers, noise, before
            )
        return (
            *(None, None, grad_inputs, grad_state, grad_times, None, None),
            *(grad_gates, grad_memory, *grads, grad_vectors),
        )


def _of_weights(
    grad_heads: Tensor,
    grad_layers: Tensor,
    layers: Tensor,
    noise: Tensor | None,
    before: Tensor,
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    """Returns the gradient of the inputs, and of all weights but the vectors.

    Args:
        grad_heads: (T, B, N·H).
        grad_layers: (L, T, B, U) of what comes before each tanh.
        layers: (L, T, B, U) outputs of tanh.
        noise: (T, B, U), or None.
        before: (T, B, H) states before each step.
    """
    grad_inputs = grad_layers[0] if len(layers) else grad_heads
    to_first = _product(grad_inputs, before)
    if not len(layers):
        return grad_inputs, (to_first, None, None, None, None)
    to_deep = to_deep_bias = None
    if len(layers) > 1:
        later = grad_layers[1:].flatten(1, 2)  # (L - 1, T·B, U)
        to_deep = later.mT @ layers[:-1].flatten(1, 2)
        to_deep_bias = later.sum(1)
    last = layers[-1] if noise is None else layers[-1] * noise
    to_heads = _product(grad_heads, last), grad_heads.sum((0, 1))
    return grad_inputs, (to_first, to_deep, to_deep_bias, *to_heads)


def _product(grad: Tensor, x: Tensor) -> Tensor:
    """Returns the gradient of the weight between (T, B, X) and (T, B, Y), (Y, X)."""
    return grad.flatten(0, 1).T @ x.flatten(0, 1)
