"""What the options of a picture may be, and what is said of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

_SIZE, _DPI = (9.0, 6.0), 150.0


def top_of(top: Any) -> float | None:
    """Returns a share as a float, a number of synapses as an int."""
    if top is None:
        return None
    if isinstance(top, bool) or not isinstance(top, Real):
        raise TypeError(
            "`top` must be a share (a float up to 1.0) or a number of synapses (an "
            f"int); got {top!r}."
        )
    if isinstance(top, Integral):
        if (count := int(top)) < 1:
            raise ValueError(
                f"`top` must be at least 1 synapse of each layer; got {top}. Pass None "
                "for what an eye can follow."
            )
        return count
    if not 0 < (share := float(top)) <= 1:
        raise ValueError(
            f"`top` must be above 0 and up to 1.0 where it is a share; got {top}. Pass "
            "an int for a number of synapses."
        )
    return share


def size_of_figure(size: Any) -> tuple[float, float]:
    """Returns a width and a height in inches."""
    try:
        width, height = map(float, _SIZE if size is None else size)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`size` must be (width, height) in inches; got {size!r}."
        ) from error
    if not all(0 < side < math.inf for side in (width, height)):
        raise ValueError(
            f"`size` must be a width and a height above 0, in inches; got {size!r}."
        )
    return width, height


def dpi_of_figure(dpi: Any) -> float:
    """Returns dots per inch."""
    if dpi is None:
        return _DPI
    if isinstance(dpi, bool) or not isinstance(dpi, Real):
        raise TypeError(f"`dpi` must be a number of dots per inch; got {dpi!r}.")
    if not 0 < float(dpi) < math.inf:
        raise ValueError(f"`dpi` must be dots per inch above 0; got {dpi!r}.")
    return float(dpi)


def motor_of(
    highlight: Any, motor_names: Sequence[str] | None, motors: int
) -> int | None:
    """Returns the index of the motor neuron whose paths are lit."""
    if highlight is None:
        return None
    if isinstance(highlight, str):
        names = list(motor_names or ())
        if highlight not in names:
            raise ValueError(
                "`highlight` must be a motor neuron's index or one of `motor_names`, "
                f"which are {names or 'not given'}; got {highlight!r}."
            )
        return names.index(highlight)
    if isinstance(highlight, bool) or not isinstance(highlight, Integral):
        raise TypeError(
            "`highlight` must be the index of a motor neuron (an int) or its name (a "
            f"str); got {highlight!r}."
        )
    if not 0 <= (index := int(highlight)) < motors:
        raise ValueError(
            f"`highlight` must be one of the {motors} motor neurons, 0 to "
            f"{motors - 1}; got {highlight}."
        )
    return index


def called(motor: int | None, motor_names: Sequence[str] | None) -> str:
    """Returns what a caption calls a motor neuron."""
    return (
        f"motor neuron {motor}"
        if not motor_names or motor is None
        else motor_names[motor]
    )


def check_names(argument: str, names: Sequence[str] | None, count: int) -> None:
    """Raises a ValueError unless there is a name for each neuron."""
    if names is not None and len(names) != count:
        raise ValueError(
            f"`{argument}` must have a label for each of the {count} neurons; got "
            f"{len(names)}."
        )
