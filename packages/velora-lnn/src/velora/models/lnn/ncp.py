"""The sparse feed-forward network of a Neural Circuit Policy.

`LiquidNCPNetwork`, whose public path this is too, lies in `velora.models.lnn.cfc`.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from velora.models.lnn.activation import mish
from velora.models.lnn.cfc.network import LiquidNCPNetwork
from velora.models.lnn.shapes import check_batch
from velora.models.lnn.sparse import SparseLinear, oriented
from velora.models.lnn.wired import WiredNetwork, unbatched

__all__ = ["LiquidNCPNetwork", "NCPNetwork"]


class NCPNetwork(WiredNetwork):
    """A sparse feed-forward network with the wiring of a Neural Circuit Policy.

    sensory → inter → Mish → command → Mish → motor, all `SparseLinear`. Arguments,
    attributes and errors are those of `WiredNetwork`.
    """

    command: SparseLinear

    def forward(self, x: Tensor) -> Tensor:
        """Computes the motor neurons.

        Args:
            x: (B, F) inputs.

        Returns:
            (B, O) outputs; (O,) when B is 1, but not in what `torch.export` makes.

        Raises:
            ValueError: `x` has another shape.
        """
        check_batch(x, self.in_features)
        x = mish(self.inter(self.normed("inter", x)))
        x = mish(self.command(self.normed("command", x)))
        return unbatched(self.motor(self.normed("motor", x)))

    def build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> SparseLinear:
        """Builds a sparse layer; see the base."""
        return SparseLinear(in_features, n_hidden, oriented(mask), **options)

    def command_synapses(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (command, inter) mask; nothing recurs."""
        return self.command.mask, None

    def command_effect(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (command, inter) weights; nothing recurs."""
        return self.command.weight, None
