"""What may be said of a backbone: every refusal."""

from __future__ import annotations

from numbers import Real
from typing import SupportsIndex

from torch import Tensor

from velora.models.lnn.shapes import check_sizes


def check_backbone(
    units: int, layers: int, dropout: float, mask: Tensor | None
) -> None:
    """Refuses a backbone that no cell can have.

    Raises:
        TypeError: a size is no integer, or the dropout no number.
        ValueError: units are below 1 or layers below 0, the dropout is outside [0, 1),
            or there is a mask as well.
    """
    check_sizes(backbone_units=units)
    if isinstance(layers, bool) or not isinstance(layers, SupportsIndex):
        raise TypeError(f"`backbone_layers` must be an integer; got {layers!r}.")
    if layers < 0:
        raise ValueError(f"`backbone_layers` must not be negative; got {layers}.")
    if isinstance(dropout, bool) or not isinstance(dropout, Real):
        raise TypeError(f"`backbone_dropout` must be a number; got {dropout!r}.")
    if not 0 <= dropout < 1:
        raise ValueError(f"`backbone_dropout` must be in [0, 1); got {dropout}.")
    if layers and mask is not None:
        raise ValueError(
            "`backbone_layers` must be 0 in a cell with a `mask`, as all neurons would "
            f"share the layers; got {layers}."
        )
