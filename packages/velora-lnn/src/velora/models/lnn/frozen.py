"""One step of a liquid network whose weights no longer change."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.activation import mish
from velora.models.lnn.cell import CellWeights, NCPLiquidCell, check_hidden
from velora.models.lnn.sparse import SparseLinear
from velora.models.lnn.wired import check_batch, unbatched


@dataclass(frozen=True, eq=False)
class FrozenStep:
    """One step of a `LiquidNCPNetwork` with weights that no longer change.

    Called as the network is: `y, h_state = step(x, h_state)`.
    """

    inter: tuple[Tensor, Tensor | None]
    command: CellWeights
    motor: tuple[Tensor, Tensor | None]
    hidden_size: int

    @torch.no_grad()
    def __call__(
        self, x: Tensor, h_state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; arguments and results as in `LiquidNCPNetwork.forward`."""
        check_batch(x, self.inter[0].shape[1])
        if h_state is None:
            h_state = x.new_zeros(x.shape[0], self.hidden_size)
        check_hidden(h_state, x.shape[0], self.hidden_size)
        inter = mish(functional.linear(x, *self.inter))
        z = torch.cat((inter, h_state), dim=1)
        y, h_state = NCPLiquidCell.step(self.command, z, None)
        return unbatched(functional.linear(mish(y), *self.motor)), h_state


def masked(layer: SparseLinear) -> tuple[Tensor, Tensor | None]:
    """Returns a copy of a layer's masked weight, and of its bias."""
    bias = None if layer.bias is None else layer.bias.clone()
    return layer.weight * layer.mask, bias
