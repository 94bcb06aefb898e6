"""Spaces of gymnasium, and states of networks, as what a file takes and gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space

from velora.onnx.description import ACTION
from velora.onnx.port import Bound, Port

OBSERVATION = "observation"
STATE = "state"


def observed(space: spaces.Space[Any]) -> tuple[Port, ...]:
    """Returns the inputs of observations: one, or one for each entry of a Dict.

    Raises:
        ValueError: Stable-Baselines3 takes no such observations.
    """
    if isinstance(space, spaces.Dict):
        return tuple(
            port_of(part, f"{OBSERVATION}.{key}", key) for key, part in space.items()
        )
    return (port_of(space, OBSERVATION),)


def acted(space: spaces.Space[Any]) -> Port:
    """Returns the output of actions, in the numbers that the environment takes.

    Raises:
        ValueError: Stable-Baselines3 gives no such actions.
    """
    port = port_of(space, ACTION)
    if port.kind == "Box" and port.dtype != "float64":  # as which a model computes
        return replace(port, dtype="float32", is_image=False)
    return port


def port_of(space: spaces.Space[Any], name: str, key: str | None = None) -> Port:
    """Returns a space as an input or output of this name.

    Raises:
        ValueError: it is of another kind than Stable-Baselines3 takes.
    """
    shape, dtype = space.shape or (), str(space.dtype)
    if isinstance(space, spaces.Box):
        low, high = _bound(space.low), _bound(space.high)
        is_image = is_image_space(space)
        return Port(name, shape, dtype, key=key, low=low, high=high, is_image=is_image)
    if isinstance(space, spaces.Discrete):
        return Port(name, shape, dtype, "Discrete", (int(space.n),), key)
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        return Port(name, shape, dtype, "MultiDiscrete", tuple(space.nvec), key)
    if isinstance(space, spaces.MultiBinary):
        return Port(name, shape, dtype, "MultiBinary", (), key)
    raise ValueError(
        "A file takes and gives Box, Discrete, MultiDiscrete of one axis and "
        f"MultiBinary, and observes a Dict of these; got {space}."
    )


def remembered(
    shapes: Sequence[tuple[int, ...]], dtypes: Sequence[torch.dtype]
) -> tuple[Port, ...]:
    """Returns the inputs of a state, whose parts have these shapes and dtypes.

    Raises:
        ValueError: NumPy lacks one of the dtypes.
    """
    several = len(shapes) > 1
    names = [f"{STATE}_{i}" if several else STATE for i in range(len(shapes))]
    try:
        return tuple(
            Port(name, shape, str(dtype).removeprefix("torch."))
            for name, shape, dtype in zip(names, shapes, dtypes, strict=True)
        )
    except TypeError as error:
        raise ValueError(
            f"A state must be of numbers that NumPy has; got {list(dtypes)}."
        ) from error


def _bound(bound: np.ndarray) -> Bound:
    """Returns a bound as JSON can say it, once where it is the same everywhere."""
    if bound.size and (bound == bound.flat[0]).all():
        return _finite(bound.flat[0])
    nested: list[Any] = _nested(bound)
    return nested


def _nested(bound: np.ndarray) -> Any:
    return [_nested(part) for part in bound] if bound.ndim else _finite(bound)


def _finite(number: Any) -> float | None:
    return float(number) if math.isfinite(number) else None
