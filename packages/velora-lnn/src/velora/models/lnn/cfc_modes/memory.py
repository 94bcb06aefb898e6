"""The memory of an LSTM beside a state: what it makes of both before a step."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Memory(NamedTuple):
    """A memory over a sequence. Gates are those of a, i, f and o, H numbers each.

    Attributes:
        gates: (T, B, 4·H) what inputs and biases give to the gates.
        weight: (4·H, H) from the state to the gates.
    """

    gates: Tensor
    weight: Tensor


def recall(gates: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Goes one step of an LSTM, as its equations read.

    Args:
        gates: (B, 4·H) what inputs and biases give to the gates.
        weight: (4·H, H) from the state to the gates.
        state: (B, 2·H) state and memory, side by side.

    Returns:
        h: (B, H) state that a network's step starts from.
        c: (B, H) memory.
    """
    h, c = state.chunk(2, dim=1)
    a, i, f, o = (gates + functional.linear(h, weight)).chunk(4, dim=1)
    c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(a)
    return torch.sigmoid(o) * torch.tanh(c), c


class Recalled(NamedTuple):
    """What the backward of a memory multiplies with, of all steps.

    Attributes:
        slopes: (T, B, 4·H) derivatives by the gates, of the memory for a, i and f, and
            of the state for o; a backward turns them into gradients of the gates.
        out: (T, B, H) derivatives of the state by the memory.
        kept: (T, B, H) derivatives of the memory by that before it.
        weight: (4·H, H) from the state to the gates.
    """

    slopes: Tensor
    out: Tensor
    kept: Tensor
    weight: Tensor


def recalled(gates: Tensor, weight: Tensor, raw: Tensor, states: Tensor) -> Recalled:
    """Returns the derivatives.

    Args:
        gates: (T, B, 4·H) tanh(a) and the three open gates.
        weight: (4·H, H) from the state to the gates.
        raw: (T, B, 2·H) state and memory before each step.
        states: (T, B, 2·H) those after it.
    """
    a, i, f, o = gates.chunk(4, dim=-1)
    before, after = (x.chunk(2, dim=-1)[1] for x in (raw, states))
    said = torch.tanh(after)
    slopes = [
        i * (1 - a * a),
        a * i * (1 - i),
        before * f * (1 - f),
        said * o * (1 - o),
    ]
    out = o * (1 - said * said)
    return Recalled(torch.cat(slopes, dim=-1), out, f.contiguous(), weight)
