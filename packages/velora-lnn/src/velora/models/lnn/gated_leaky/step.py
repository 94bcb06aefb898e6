"""One step of a gated leaky integrator, and of its frozen network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.activation import mish
from velora.models.lnn.eager import is_recorded, unbatched
from velora.models.lnn.headed.packing import PackedHeads
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.protocol import Timespans

Layer = tuple[Tensor, Tensor | None]  # masked weight, and bias
Times = TypeVar("Times", float, Tensor, float | Tensor)


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
    if timespans is None or (not isinstance(timespans, Tensor) and timespans == 1):
        return torch.lerp(hidden, torch.tanh(k), torch.sigmoid(f))
    exponent = -in_dtype(timespans, f.dtype) * functional.softplus(f)
    # TorchScript's exporter to ONNX has no expm1, which is exact for short times too.
    gate = 1 - torch.exp(exponent) if is_recorded() else -torch.expm1(exponent)
    return torch.lerp(hidden, torch.tanh(k), gate)


def in_dtype(timespans: Times, dtype: torch.dtype) -> Times:
    """Returns checked times in a dtype, those that are too long for it as its longest.

    An infinite one would make NaN of a gate that is open, and so has no gradient: there
    is none in what `shapes` has checked.
    """
    longest = torch.finfo(dtype).max
    if not isinstance(timespans, Tensor):
        return min(timespans, longest)
    if timespans.dtype == dtype:
        return timespans
    return timespans.to(dtype).clamp(max=longest)


@dataclass(frozen=True, eq=False)
class FrozenStep:
    """One step of a `GatedLeakyNCPNetwork` with weights that no longer change.

    Called as the network is: `y, h_state = step(x, h_state)`.

    Attributes:
        inter: masked weight and bias.
        command: the heads.
        motor: masked weight and bias.
    """

    inter: Layer
    command: PackedHeads
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
        f, k, now = functional.linear(z, *self.command[:2]).chunk(3, dim=1)
        h_state = leak(f, k, h_state, t)
        y = functional.linear(mish(now + h_state), *self.motor)
        return unbatched(y), h_state
