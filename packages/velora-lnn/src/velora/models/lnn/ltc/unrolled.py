"""Liquid time-constant neurons as their equations read, over time.

The reference of all backends: plain operators, which PyTorch can differentiate, trace
and transform in any way. They compute all pairs of neurons, synapse or not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.ltc.step import solve


def unrolled(
    x: Tensor,
    state: Tensor,
    neurons: Tensor,
    synapses: Tensor,
    mask: Tensor,
    times: Tensor | None,
    resets: Tensor | None,
    unfolds: int,
) -> Tensor:
    """Returns the (T, B, H) states after each step; arguments are those of `scan`."""
    weight, *others = synapses.unbind()
    synapses = torch.stack((weight.where(mask, 0), *others))
    sizes = x.shape[2], state.shape[1]
    sensory, recurrent = torch.split_with_sizes(synapses, sizes, dim=2)
    states = []
    for step, now in enumerate(x.unbind()):
        if resets is not None:
            state = state.masked_fill(resets[step, :, None], 0)
        t = None if times is None else times[step]
        state = solve(now, state, neurons, sensory, recurrent, t, unfolds)
        states.append(state)
    return torch.stack(states)
