"""The mode "no_gate": a second target is added as the gate of time opens."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.cfc_modes.modes.gated import Gated


class NoGate(Gated):
    """state = tanh(g) + gate · tanh(h).

    Source: the variant without gating of Hasani et al. 2022, "Closed-form
    continuous-time neural networks".
    """

    name = "no_gate"

    def blend(
        self, g: Tensor, h: Tensor, gate: Tensor, out: Tensor | None = None
    ) -> Tensor:
        """Returns the state; see the base."""
        return torch.addcmul(g, h, gate, out=out)

    def fill_slopes(self, g: Tensor, h: Tensor, gate: Tensor, slopes: Tensor) -> None:
        """Fills the derivatives; see the base."""
        torch.mul(g, g, out=slopes[:, :, 0]).neg_().add_(1)
        torch.addcmul(gate, h * h, gate, value=-1, out=slopes[:, :, 1])
        torch.mul(h * gate, 1 - gate, out=slopes[:, :, -1])


NO_GATE = NoGate()
