"""The sparse liquid network of a Neural Circuit Policy, by closed-form cells (CfC)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.cfc.heads import packing_of
from velora.models.lnn.cfc.scan import CFC
from velora.models.lnn.cfc.step import FrozenStep
from velora.models.lnn.frozen import masked
from velora.models.lnn.headed.fused import fused
from velora.models.lnn.headed.parts import Parts, parts_of
from velora.models.lnn.recurrent import RecurrentNCPNetwork
from velora.models.protocol import Timespans


class LiquidNCPNetwork(RecurrentNCPNetwork):
    """A liquid network with the wiring of a Neural Circuit Policy.

    sensory → inter (`SparseLinear`) → Mish → command (`NCPLiquidCell`) → Mish →
    motor (`SparseLinear`). The state of the command neurons goes in and comes out;
    the network keeps none. Arguments, attributes and errors are those of
    `WiredNetwork`, methods those of `RecurrentNCPNetwork`.
    """

    command: NCPLiquidCell

    def frozen_step(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """Returns the step as a function of the weights of now, without gradients.

        The function takes and returns what `forward` does, and is faster (see
        `benchmarks/step.py`): masks are applied and heads packed once, here, and not at
        every step. Where layers do more than their classes say (hooks, pruning), it is
        a copy of the network. What is done to the network later does not reach it.

        Raises:
            ValueError: the network normalises, and a snapshot would not follow the
                statistics.
        """
        if self.norms is not None or self._parts() is None:
            return super().frozen_step()
        with torch.no_grad():
            return FrozenStep(
                inter=masked(self.inter),
                command=self.command.packed(1.0),
                timed=self.command.packed(),
                motor=masked(self.motor),
            )

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence as one function, or layer by layer; see the base."""
        times = None
        constant: float | Tensor | None = 1.0 if timespans is None else timespans
        if isinstance(timespans, Tensor) and timespans.dim() > 0:
            times, constant = timespans.to(x.dtype), None
        # A () tensor may want a gradient, which the layers give.
        if self.norms is None and not isinstance(constant, Tensor):
            packing, options = packing_of(constant), {"resets": resets, "times": times}
            if found := fused(CFC, packing, self._parts, x, hidden, **options):
                return found
        return super().over_time(x, hidden, resets=resets, timespans=timespans)

    def _parts(self) -> Parts | None:
        forward = NCPLiquidCell.forward
        return parts_of(forward, self.inter, self.command, self.motor)

    def build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> NCPLiquidCell:
        """Builds the liquid cell; see the base."""
        return NCPLiquidCell(in_features, n_hidden, mask, **options)
