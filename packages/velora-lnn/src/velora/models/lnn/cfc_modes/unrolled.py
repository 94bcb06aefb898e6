"""The recurrence as its equations read, over time.

The reference of all backends: plain operators, which PyTorch can differentiate, trace
and transform in any way.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.cfc_modes.memory import recall
from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.weights import Weights


def unrolled(
    mode: Mode,
    inputs: Tensor,
    state: Tensor,
    times: Tensor | None,
    noise: Tensor | None,
    resets: Tensor | None,
    gates: Tensor | None,
    memory: Tensor | None,
    *weights: Tensor | None,
) -> Tensor:
    """Returns the states after each step; arguments are those of `scan`.

    `gates` and `memory` are the two tensors of a `Memory`.
    """
    packed = Weights(*weights)  # type: ignore[arg-type]  # their order is that
    states = []
    for step, now in enumerate(inputs.unbind()):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        t = None if times is None else times[step]
        factors = None if noise is None else noise[step]
        if gates is None or memory is None:
            state = advance(mode, now, state, t, factors, packed)
        else:
            state, c = recall(gates[step], memory, state)
            state = advance(mode, now, state, t, factors, packed)
            state = torch.cat((state, c), dim=1)
        states.append(state)
    return torch.stack(states)


def advance(
    mode: Mode,
    inputs: Tensor,
    state: Tensor,
    times: Tensor | None,
    noise: Tensor | None,
    weights: Weights,
) -> Tensor:
    """Returns the (B, H) state after one step; arguments are those of that step."""
    x = inputs + functional.linear(state, weights.first)
    if weights.heads is not None:
        x = torch.tanh(x)
        if weights.deep is not None and weights.deep_bias is not None:
            deep = zip(weights.deep.unbind(), weights.deep_bias.unbind(), strict=True)
            for weight, bias in deep:
                x = torch.tanh(functional.linear(x, weight, bias))
        x = x if noise is None else x * noise
        x = functional.linear(x, weights.heads, weights.heads_bias)
    return mode.step(x, times, weights.vectors)
