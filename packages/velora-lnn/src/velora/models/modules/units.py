"""What a module may be given as its units."""

from __future__ import annotations

from typing import Any, SupportsIndex

from velora.models.lnn.shapes import check_sizes
from velora.models.lnn.wiring_argument import choose_wiring, is_ready
from velora.wiring import Connectome, Unlayered
from velora.wiring.ncps import Blueprint

Units = int | Blueprint[Any] | Connectome | Unlayered
"""A number of units, or who is connected to whom, ready or waiting for the inputs."""


def is_number(units: Units) -> bool:
    """Whether units are given by their number alone."""
    return isinstance(units, SupportsIndex) and not isinstance(units, bool)


def wiring_of(units: Units, input_size: int) -> Connectome | Unlayered:
    """Returns the wiring for a number of inputs.

    Raises:
        TypeError: it is no wiring, or the inputs no integer.
        ValueError: it is for another number of inputs.
    """
    check_sizes(input_size=input_size)
    if isinstance(units, Blueprint):
        made: Connectome | Unlayered = units.build(input_size)
        return made
    if isinstance(units, Unlayered):
        if units.in_features != input_size:
            raise ValueError(
                f"`input_size` must be that of the wiring, {units.in_features}; got "
                f"{input_size}."
            )
        return units
    if is_ready(units):
        motor = units.counts.motor  # type: ignore[union-attr]  # a ready wiring has it
        return choose_wiring(units, input_size, None, motor, 0.5)
    raise TypeError(
        "`units` must be an integer, a wiring of velora.wiring, or one of "
        f"velora.wiring.ncps; got {units!r}. What ncps made comes, with its weights, "
        "by velora.models.from_ncps."
    )
