"""How far the gates of a liquid cell are open, and how fast its neurons are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.gated_leaky.cell import GatedLeakyCell
from velora.models.lnn.shapes import step_timespans
from velora.models.protocol import Timespans


@torch.no_grad()
def gate_and_time_constant(
    cell: nn.Module, x: Tensor, hidden: Tensor, timespans: Timespans = None
) -> tuple[Tensor, Tensor] | None:
    """Computes the gate of each neuron in a step, and its effective time constant.

    Of a `GatedLeakyCell` the time constant is 1 / softplus(f): in that time all but 1/e
    of the way to the target is gone. Of an `NCPLiquidCell`, whose state is a blend of
    two targets and leaks from none, it is 1 / |f_to_g|: in that time gate / (1 - gate)
    changes by the factor e.

    Args:
        cell: the command neurons.
        x: (B, F) inputs of the step.
        hidden: (B, H) state before it.
        timespans: as in the cell's `forward`.

    Returns:
        gate: (B, H), from 0 to 1.
        time_constant: (B, H), in the unit of timespans, steps where none are given;
            infinite where the gate does not depend on time.
        None for any other cell.
    """
    if not isinstance(cell, NCPLiquidCell | GatedLeakyCell):
        return None
    given = step_timespans(timespans, x.shape[0])
    t = torch.as_tensor(1.0 if given is None else given, dtype=x.dtype, device=x.device)
    z = torch.cat((x, hidden), dim=1)
    if isinstance(cell, NCPLiquidCell):
        slope = cell.f_head_to_g(z)
        return torch.sigmoid(slope * t + cell.f_head_to_h(z)), 1 / slope.abs()
    rate = functional.softplus(cell.f_head(z))
    return -torch.expm1(-t * rate), 1 / rate
