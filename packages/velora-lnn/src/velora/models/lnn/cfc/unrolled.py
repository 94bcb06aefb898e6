"""The closed-form continuous-time (CfC) recurrence as its equations read, over time.

The reference of all backends: plain operators, which PyTorch can differentiate, trace
and transform in any way.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.cfc.heads import n_heads
from velora.models.lnn.cfc.step import blend


def unrolled(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes `velora.models.lnn.scan.scan`, whose arguments these are, in one form.

    Args:
        inputs: (T, B, N·H).
        weight: (N·H, H).
        state: (B, H).
        resets: (T, B) booleans, or None.
        times: (T, B, 1), or None where N is 4.

    Returns:
        y: (T, B, H) outputs.
        states: (T, B, H) states after each step.
    """
    outputs, states = [], []
    for step, projected in enumerate(inputs.unbind()):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        heads = projected + functional.linear(state, weight)
        t = None if times is None else times[step]
        blocks = heads.chunk(n_heads(t), dim=-1)
        y, state = blend(blocks, t)
        outputs.append(y)
        states.append(state)
    return torch.stack(outputs), torch.stack(states)
