"""The slow, obvious reference: a step of the network as its equations read."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from velora.models import LiquidNCPNetwork


def head_by_head(
    network: LiquidNCPNetwork,
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Returns the network's step, one masked linear layer after another."""
    cell, mish = network.command, nn.Mish()

    def step(x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.cat((mish(network.inter(x)), hidden), dim=1)
        gate = torch.sigmoid(cell.f_head_to_g(z) * 1.0 + cell.f_head_to_h(z))
        new_hidden = torch.tanh(cell.g_head(z)) * (1 - gate)
        new_hidden = new_hidden + gate * torch.tanh(cell.h_head(z))
        return network.motor(mish(cell.proj(z) + new_hidden)), new_hidden

    return step
