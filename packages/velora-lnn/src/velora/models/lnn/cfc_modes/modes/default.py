"""The mode "default": from one target to the other, as the gate of time opens."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.cfc_modes.modes.gated import Gated


class Default(Gated):
    """state = tanh(g) · (1 - gate) + gate · tanh(h).

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks", Eq. 10.
    """

    name = "default"

    def blend(
        self, g: Tensor, h: Tensor, gate: Tensor, out: Tensor | None = None
    ) -> Tensor:
        """Returns the state; see the base."""
        return torch.lerp(g, h, gate, out=out)

    def fill_slopes(self, g: Tensor, h: Tensor, gate: Tensor, slopes: Tensor) -> None:
        """Fills the derivatives; see the base."""
        shut = 1 - gate
        torch.addcmul(shut, g * g, shut, value=-1, out=slopes[:, :, 0])
        torch.addcmul(gate, h * h, gate, value=-1, out=slopes[:, :, 1])
        torch.mul((h - g).mul_(gate), shut, out=slopes[:, :, -1])


DEFAULT = Default()
