"""A cell made ready for a sequence: all that does not depend on states."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.unrolled import advance
from velora.models.lnn.cfc_modes.weights import Weights


class Prepared(NamedTuple):
    """A cell at the times of a sequence.

    Attributes:
        mode: of the cell.
        from_inputs: (P, F) weights from the inputs to the first layer, or to the heads.
        bias: (P,).
        weights: of everything after it.
        times: (T, B, 1), or None.
        noise: (T, B, U), or None.
    """

    mode: Mode
    from_inputs: Tensor
    bias: Tensor
    weights: Weights
    times: Tensor | None
    noise: Tensor | None

    def inputs(self, x: Tensor) -> Tensor:
        """Returns what (..., F) inputs give to the first layer, (..., P)."""
        return functional.linear(x, self.from_inputs, self.bias)

    def advance(self, step: int, inputs: Tensor, hidden: Tensor) -> Tensor:
        """Returns the (B, H) state after a step, by plain operators.

        Args:
            step: its number.
            inputs: (B, P), as `inputs` returns them.
            hidden: (B, H) state before it.
        """
        times = None if self.times is None else self.times[step]
        noise = None if self.noise is None else self.noise[step]
        return advance(self.mode, inputs, hidden, times, noise, self.weights)
