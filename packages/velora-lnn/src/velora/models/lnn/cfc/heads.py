"""How the heads of a closed-form continuous-time (CfC) cell are packed.

g, h, f_to_g, f_to_h, proj    N = 5, where each step has a time t of its own
g, h, f, proj                 N = 4, where t is constant: f = f_to_g * t + f_to_h
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from velora.models.lnn.headed.packing import PackedHeads, Packing, masked_blocks
from velora.models.lnn.masked import as_factors


class AtConstantTime(Packing):
    """The packing of four heads, for a time that is the same in all steps.

    Args:
        time: since the last step, a number or () tensor.
    """

    def __init__(self, time: float | Tensor) -> None:
        self.time = time

    def pack(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], mask: Tensor
    ) -> PackedHeads:
        """Packs the heads; see the base."""
        # Masked before anything is added: whatever is written where no synapse is.
        factors = as_factors(mask, weights[0].dtype)
        masked = [weight * factors for weight in weights]
        t = self.time.to(factors.dtype) if isinstance(self.time, Tensor) else self.time
        weight, bias = torch.cat(_merged(masked, t)), torch.cat(_merged(biases, t))
        return PackedHeads(weight, bias, mask.shape[0])

    def pack_in_place(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], mask: Tensor
    ) -> PackedHeads:
        """Packs as `pack` does, without gradients; see the base."""
        g, h, f_to_g, f_to_h, proj = weights
        weight = masked_blocks((g, h, f_to_g, proj), mask)
        if isinstance(self.time, Tensor) or self.time != 1:
            weight[2] *= self.time
        weight[2].addcmul_(f_to_h, as_factors(mask, weight.dtype))
        bias = torch.cat(_merged(biases, self.time))
        return PackedHeads(weight.flatten(0, 1), bias, mask.shape[0])

    def unpack(self, grad: Tensor) -> list[Tensor]:
        """Returns the gradients of the five heads; see the base."""
        g, h, f, proj = grad.unbind()
        return [g, h, f * self.time, f, proj]


def n_heads(timespans: float | Tensor | None) -> int:
    """Returns how many heads are packed, for times of all steps or a constant one."""
    return 4 if timespans is None else 5


def packing_of(constant_time: float | Tensor | None) -> Packing:
    """Returns the packing for a constant time, or of None for any time."""
    return Packing() if constant_time is None else AtConstantTime(constant_time)


def _merged(heads: Sequence[Tensor], t: float | Tensor) -> list[Tensor]:
    """Makes f of f_to_g and f_to_h."""
    g, h, f_to_g, f_to_h, proj = heads
    scaled = f_to_g if not isinstance(t, Tensor) and t == 1 else f_to_g * t
    return [g, h, scaled + f_to_h, proj]
