"""The heads of a closed-form continuous-time (CfC) cell as one matrix, and back.

Everything packed has N blocks of H rows, or of H columns where rows are the batch:

    g, h, f_to_g, f_to_h, proj    N = 5, where each step has a time t of its own
    g, h, f, proj                 N = 4, where t is constant: f = f_to_g * t + f_to_h

A mask is that of every head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from velora.models.lnn.masked import as_factors


class PackedHeads(NamedTuple):
    """All heads of a cell as one product.

    Attributes:
        weight: (N·H, Z) masked weights.
        bias: (N·H,) biases.
        hidden: H.
    """

    weight: Tensor
    bias: Tensor
    hidden: int


def pack(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    mask: Tensor,
    constant_time: float | Tensor | None,
) -> PackedHeads:
    """Packs the five heads g, h, f_to_g, f_to_h and proj.

    Args:
        weights: five of (H, Z).
        biases: five of (H,).
        mask: (H, Z) booleans.
        constant_time: t where it is the same number, or () tensor, in all steps; then
            the two f heads become one.
    """
    # Masked before anything is added: whatever is written where no synapse is.
    factors = as_factors(mask, weights[0].dtype)
    masked: Sequence[Tensor] = [weight * factors for weight in weights]
    if constant_time is not None:
        t = constant_time
        t = t.to(weights[0].dtype) if isinstance(t, Tensor) else t
        masked, biases = _merged(masked, t), _merged(biases, t)
    return PackedHeads(torch.cat(list(masked)), torch.cat(list(biases)), mask.shape[0])


def pack_in_place(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    mask: Tensor,
    constant_time: float | None,
) -> PackedHeads:
    """Packs as `pack` does, without gradients and without a copy to put together."""
    kept = range(5) if constant_time is None else (0, 1, 2, 4)
    weight = weights[0].new_empty(len(kept), *mask.shape)
    factors = as_factors(mask, weight.dtype)
    for block, head in zip(weight, kept, strict=True):
        torch.mul(weights[head], factors, out=block)
    if constant_time is None:
        bias = torch.cat(list(biases))
    else:
        bias = torch.cat(_merged(biases, constant_time))
        if constant_time != 1:
            weight[2] *= constant_time
        weight[2].addcmul_(weights[3], factors)
    return PackedHeads(weight.flatten(0, 1), bias, len(mask))


def unpack(grad: Tensor, constant_time: float | None) -> list[Tensor]:
    """Returns the five heads' gradients from those of the (N, ...) blocks."""
    blocks = list(grad.unbind())
    if constant_time is not None:
        blocks.insert(2, blocks[2] * constant_time)
    return blocks


def split(heads: Tensor, hidden: int) -> tuple[Tensor, ...]:
    """Returns the N blocks (..., H) of (..., N·H) heads."""
    return heads.chunk(heads.shape[-1] // hidden, dim=-1)


def _merged(heads: Sequence[Tensor], t: float | Tensor) -> list[Tensor]:
    """Makes f of f_to_g and f_to_h."""
    g, h, f_to_g, f_to_h, proj = heads
    scaled = f_to_g if not isinstance(t, Tensor) and t == 1 else f_to_g * t
    return [g, h, scaled + f_to_h, proj]
