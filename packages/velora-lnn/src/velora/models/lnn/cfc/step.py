"""One step of a closed-form continuous-time (CfC) cell, and of its frozen network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.activation import mish
from velora.models.lnn.cfc.heads import n_heads
from velora.models.lnn.eager import unbatched
from velora.models.lnn.headed.packing import PackedHeads
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.protocol import Timespans


def blend(
    heads: tuple[Tensor, ...], timespans: float | Tensor | None
) -> tuple[Tensor, Tensor]:
    """Computes a step from what its heads are, as the cell's equations say.

    Args:
        heads: (B, H) each: g, h, f, proj, or g, h, f_to_g, f_to_h, proj.
        timespans: () or (B, 1) for five heads; None for 1.

    Returns:
        y: (B, H) outputs.
        new_hidden: (B, H) state.
    """
    g, h, *f, proj = heads
    if len(f) == 1:
        gate = torch.sigmoid(f[0])
    elif timespans is None:
        gate = torch.sigmoid(f[0] + f[1])
    else:
        if isinstance(timespans, Tensor):
            timespans = timespans.to(g.dtype)
        gate = torch.sigmoid(f[0] * timespans + f[1])
    new_hidden = torch.lerp(torch.tanh(g), torch.tanh(h), gate)
    return proj + new_hidden, new_hidden


def packed_step(
    packed: PackedHeads, z: Tensor, timespans: float | Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Goes one step with packed heads, unchecked.

    Args:
        packed: the heads.
        z: (B, F + H) inputs and state.
        timespans: as in `blend`; None for heads packed with a constant time.

    Returns:
        y: (B, H) outputs.
        new_hidden: (B, H) state.
    """
    heads = functional.linear(z, packed.weight, packed.bias)  # (B, N·H)
    return blend(heads.chunk(n_heads(timespans), dim=-1), timespans)


@dataclass(frozen=True, eq=False)
class FrozenStep:
    """One step of a `LiquidNCPNetwork` with weights that no longer change.

    Called as the network is: `y, h_state = step(x, h_state)`.

    Attributes:
        inter: masked weight and bias.
        command: heads for a time of 1.
        timed: heads for any time.
        motor: masked weight and bias.
    """

    inter: tuple[Tensor, Tensor | None]
    command: PackedHeads
    timed: PackedHeads
    motor: tuple[Tensor, Tensor | None]

    @torch.no_grad()
    def __call__(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; arguments and results as in `LiquidNCPNetwork.forward`."""
        batch, hidden = x.shape[0], self.command.hidden
        check_batch(x, self.inter[0].shape[1])
        if h_state is None:
            h_state = x.new_zeros(batch, hidden)
        check_state(h_state, batch, hidden)
        t = step_timespans(timespans, batch)
        inter = mish(functional.linear(x, *self.inter))
        z = torch.cat((inter, h_state), dim=1)
        packed = self.command if t is None else self.timed
        y, h_state = packed_step(packed, z, t)
        return unbatched(functional.linear(mish(y), *self.motor)), h_state
