"""Liquid time-constant neurons as their equations read, over time.

The reference of all backends: plain operators, which PyTorch can differentiate in any
way. It computes all pairs of neurons, whether there is a synapse or not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.ltc.step import solve


def unrolled(
    x: Tensor,
    state: Tensor,
    neurons: Tensor,
    sensory: Tensor,
    recurrent: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    unfolds: int,
) -> Tensor:
    """Returns the (T, B, H) states after each step.

    Arguments are those of `scan`, but synapses those of all pairs: `sensory` is
    (4, H, F) and `recurrent` (4, H, H), a weight of zero where there is none.
    """
    states = []
    for step, now in enumerate(x.unbind()):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        t = None if times is None else times[step]
        state = solve(now, state, neurons, sensory, recurrent, t, unfolds)
        states.append(state)
    return torch.stack(states)
