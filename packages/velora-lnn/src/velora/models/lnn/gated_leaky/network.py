"""The gated leaky integrator with the wiring of a Neural Circuit Policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.frozen import masked
from velora.models.lnn.gated_leaky.cell import (
    GatedLeakyCell,
    check_time_constants,
    varying,
)
from velora.models.lnn.gated_leaky.scan import GATED_LEAKY
from velora.models.lnn.gated_leaky.step import FrozenStep
from velora.models.lnn.headed.fused import fused
from velora.models.lnn.headed.packing import Packing
from velora.models.lnn.headed.parts import Parts, parts_of
from velora.models.lnn.recurrent import RecurrentNCPNetwork
from velora.models.protocol import Timespans


class GatedLeakyNCPNetwork(RecurrentNCPNetwork):
    """A network that remembers by gated leaky integrators, with an NCP's wiring.

    sensory → inter (`SparseLinear`) → Mish → command (`GatedLeakyCell`) → Mish →
    motor (`SparseLinear`). The state of the command neurons goes in and comes out;
    the network keeps none. Attributes are those of `WiredNetwork`, methods those of
    `RecurrentNCPNetwork`.

    Args:
        in_features: as in `WiredNetwork`.
        n_neurons: as in `WiredNetwork`.
        out_features: as in `WiredNetwork`.
        time_constants: the shortest and the longest with which a command neuron may
            start, in the units of timespans: of steps, without; see
            `GatedLeakyCell.reset_time_constants`. With None all start near 1.4.
        **options: those of `WiredNetwork`, whose errors these are, too.

    Raises:
        TypeError: `time_constants` are not two numbers.
        ValueError: they are not positive, finite and in this order.
    """

    command: GatedLeakyCell

    def __init__(
        self,
        in_features: int,
        n_neurons: int | None,
        out_features: int,
        *,
        time_constants: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        if time_constants is not None:  # refused before anything is made
            time_constants = check_time_constants(time_constants)
        super().__init__(in_features, n_neurons, out_features, **options)
        if time_constants is not None:
            self.command.reset_time_constants(*time_constants)

    def frozen_step(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """Returns the step as a function of the weights of now, without gradients.

        The function takes and returns what `forward` does, and is faster: masks are
        applied and heads packed once, here. Where layers do more than their classes say
        (hooks, pruning), it is a copy of the network. What is done to the network later
        does not reach it.

        Raises:
            ValueError: the network normalises, and a snapshot would not follow the
                statistics.
        """
        if self.norms is not None or self._parts() is None:
            return super().frozen_step()
        with torch.no_grad():
            packed = self.command.packed_by(Packing())
            return FrozenStep(masked(self.inter), packed, masked(self.motor))

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence as one function, or layer by layer; see the base."""
        if self.norms is None:
            options = {"resets": resets, "times": varying(timespans, x, x.dtype)}
            if found := fused(
                GATED_LEAKY, Packing(), self._parts, x, hidden, **options
            ):
                return found
        return super().over_time(x, hidden, resets=resets, timespans=timespans)

    def _parts(self) -> Parts | None:
        forward = GatedLeakyCell.forward
        return parts_of(forward, self.inter, self.command, self.motor)

    def build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> GatedLeakyCell:
        """Builds the gated leaky integrators; see the base."""
        return GatedLeakyCell(in_features, n_hidden, mask, **options)
