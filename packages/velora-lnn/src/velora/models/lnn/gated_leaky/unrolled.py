"""The gated leaky integrator as its equations read, over time.

The reference of all backends: plain operators, which PyTorch can differentiate, trace
and transform in any way.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.gated_leaky.step import leak


def unrolled(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Goes step by step.

    Args:
        inputs: (T, B, 3·H) what inputs and biases give to the heads f, k and proj.
        weight: (3·H, H) from the state to the heads.
        state: (B, H) before the first step.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        times: (T, B, 1) time since the last step; None for 1.

    Returns:
        y: (T, B, H) outputs.
        states: (T, B, H) states after each step.
    """
    outputs, states = [], []
    for step, projected in enumerate(inputs.unbind()):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        heads = projected + functional.linear(state, weight)
        f, k, now = heads.chunk(3, dim=-1)
        state = leak(f, k, state, None if times is None else times[step])
        outputs.append(now + state)
        states.append(state)
    return torch.stack(outputs), torch.stack(states)
