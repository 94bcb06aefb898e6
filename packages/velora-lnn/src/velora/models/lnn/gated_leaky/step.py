"""One step of a gated leaky integrator, and of its frozen network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.activation import mish
from velora.models.lnn.eager import is_recorded
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.lnn.wired import unbatched
from velora.models.protocol import Timespans

Layer = tuple[Tensor, Tensor | None]  # masked weight, and bias


def leak(f: Tensor, k: Tensor, hidden: Tensor, timespans: Timespans) -> Tensor:
    """Returns the (B, H) state after a step, as the cell's equations say.

    Args:
        f: (B, H) what the rate is made of.
        k: (B, H) what the target is made of.
        hidden: (B, H) state before the step.
        timespans: a number, or of shape () or (B, 1); None for 1.
    """
    if f.dtype != hidden.dtype:  # under autocast, or after it
        dtype = torch.promote_types(f.dtype, hidden.dtype)
        f, k, hidden = f.to(dtype), k.to(dtype), hidden.to(dtype)
    if isinstance(timespans, Tensor):
        timespans = timespans.to(f.dtype)
    elif timespans is None or timespans == 1:
        return torch.lerp(hidden, torch.tanh(k), torch.sigmoid(f))
    exponent = -timespans * functional.softplus(f)
    # TorchScript's exporter to ONNX has no expm1, which is exact for short times too.
    gate = 1 - torch.exp(exponent) if is_recorded() else -torch.expm1(exponent)
    return torch.lerp(hidden, torch.tanh(k), gate)


def packed_step(
    packed: Layer, z: Tensor, hidden: Tensor, timespans: Timespans
) -> Tensor:
    """Returns the (B, H) state after a step with packed heads, unchecked.

    Args:
        packed: (2·H, F + H) weight and (2·H,) bias of the heads f and k.
        z: (B, F + H) inputs and state.
        hidden: (B, H), the state alone.
        timespans: as in `leak`.
    """
    f, k = functional.linear(z, *packed).chunk(2, dim=1)
    return leak(f, k, hidden, timespans)


@dataclass(frozen=True, eq=False)
class FrozenStep:
    """One step of a `GatedLeakyNCPNetwork` with weights that no longer change.

    Called as the network is: `y, h_state = step(x, h_state)`.
    """

    inter: Layer
    command: Layer
    motor: Layer

    @torch.no_grad()
    def __call__(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; see `GatedLeakyNCPNetwork.forward`."""
        batch, hidden = x.shape[0], self.motor[0].shape[1]
        check_batch(x, self.inter[0].shape[1])
        if h_state is None:
            h_state = x.new_zeros(batch, hidden)
        check_state(h_state, batch, hidden)
        t = step_timespans(timespans, batch)
        z = torch.cat((mish(functional.linear(x, *self.inter)), h_state), dim=1)
        h_state = packed_step(self.command, z, h_state, t)
        return unbatched(functional.linear(h_state, *self.motor)), h_state
