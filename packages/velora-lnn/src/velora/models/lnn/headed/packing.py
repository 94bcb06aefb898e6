"""The heads of a cell as one matrix, and back.

Everything packed has N blocks of H rows, or of H columns where rows are the batch. A
mask is that of every head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

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

    def of_sequence(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what (..., F) inputs give to the heads, and the weight of the state.

        These are (..., N·H), biases included, and (N·H, H), where Z is F + H.
        """
        sizes = (self.weight.shape[1] - self.hidden, self.hidden)
        from_inputs, from_state = self.weight.split_with_sizes(sizes, dim=1)
        return functional.linear(x, from_inputs, self.bias), from_state


class Packing:
    """How heads are packed: in their order, a block each."""

    def pack(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], mask: Tensor
    ) -> PackedHeads:
        """Packs the heads.

        Args:
            weights: (H, Z) of each head.
            biases: (H,) of each head.
            mask: (H, Z) booleans.
        """
        factors = as_factors(mask, weights[0].dtype)
        masked = torch.cat([weight * factors for weight in weights])
        return PackedHeads(masked, torch.cat(list(biases)), mask.shape[0])

    def pack_in_place(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], mask: Tensor
    ) -> PackedHeads:
        """Packs as `pack` does, without gradients, and without a copy to join them."""
        weight = masked_blocks(weights, mask)
        return PackedHeads(weight.flatten(0, 1), torch.cat(list(biases)), mask.shape[0])

    def unpack(self, grad: Tensor) -> list[Tensor]:
        """Returns the gradients of the heads from those of the (N, ...) blocks."""
        return list(grad.unbind())


def masked_blocks(weights: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Returns the (N, H, Z) products of N weights and their mask."""
    factors = as_factors(mask, weights[0].dtype)
    blocks = factors.new_empty(len(weights), *mask.shape)
    for block, weight in zip(blocks, weights, strict=True):
        torch.mul(weight, factors, out=block)
    return blocks


def split(heads: Tensor, hidden: int) -> tuple[Tensor, ...]:
    """Returns the N blocks (..., H) of (..., N·H) heads.

    What may be recorded chunks by a literal N: one that follows from sizes becomes a
    sequence in ONNX, which few runtimes have, and not a plain Split.
    """
    return heads.chunk(heads.shape[-1] // hidden, dim=-1)
