"""The shapes in which a module is called, and the one in which a network computes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from velora.models.lnn.eager import is_recorded
from velora.models.lnn.shapes import check_tensor, has_shape
from velora.models.protocol import Timespans


@dataclass(frozen=True)
class Layout:
    """How the sequences of one call lie.

    Attributes:
        batched: whether there is a batch; else a tensor is one row of it.
        batch_first: whether the batch is the first dimension, and time the second.
    """

    batched: bool
    batch_first: bool

    @classmethod
    def of(cls, x: Tensor, features: int, batch_first: bool) -> Layout:
        """Finds the layout of inputs.

        Raises:
            TypeError: x is no tensor.
            ValueError: x has another shape than (T, F) or, with a batch, (B, T, F) or
                (T, B, F).
        """
        check_tensor("x", x)
        fits = x.dim() in (2, 3)
        if fits and not is_recorded():
            fits = x.shape[-1] == features and 0 not in x.shape
        if not fits:
            batched = "(B, T, F)" if batch_first else "(T, B, F)"
            raise ValueError(
                f"`x` must have shape {batched}, or (T, F) without a batch, with F = "
                f"{features} and at least one row and step; got {tuple(x.shape)}."
            )
        return cls(x.dim() == 3, batch_first)

    def time_first(self, x: Tensor) -> Tensor:
        """Gives (B, T, ...) values, or those of this layout, as (T, B, ...)."""
        if not self.batched:
            return x.unsqueeze(1)
        return x.transpose(0, 1) if self.batch_first else x

    def restored(self, y: Tensor) -> Tensor:
        """Gives (T, B, ...) values as this layout has them."""
        if not self.batched:
            return y.squeeze(1)
        return y.transpose(0, 1) if self.batch_first else y

    def timespans(self, timespans: Timespans, steps: int, batch: int) -> Timespans:
        """Gives times as a number or (T, B).

        Raises:
            ValueError: they are no number, and have other shapes than this layout's.
        """
        if not isinstance(timespans, Tensor) or timespans.dim() == 0:
            return timespans  # which the network looks at
        shape: tuple[int, ...]
        names, shape = "(T,)", (steps,)
        if self.batched and self.batch_first:
            names, shape = "(B, T)", (batch, steps)
        elif self.batched:
            names, shape = "(T, B)", (steps, batch)
        if not has_shape(timespans, shape, (*shape, 1)):
            raise ValueError(
                f"`timespans` must be a number, or have shape {names} = {shape} or "
                f"{(*shape, 1)}; got {tuple(timespans.shape)}."
            )
        if timespans.dim() > len(shape):
            timespans = timespans.squeeze(-1)
        return self.time_first(timespans)
