"""Observation spaces: which are taken, which are images, and what is told of doubts."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import (
    get_flattened_obs_dim,
    is_image_space,
    is_image_space_channels_first,
)
from torch import nn

SMALLEST_IMAGE = 36  # pixels a side that NatureCNN's filters need
# What Stable-Baselines3 preprocesses, in a dict as well.
FLATTENABLE = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
_SMALLEST_DOUBT = 8  # pixels a side of what may be an image
_CHANNELS = (1, 3, 4)  # greyscale, RGB, RGB with depth


def check_observations(space: spaces.Space[Any]) -> None:
    """Refuses observations that no network gets as numbers, at construction.

    Raises:
        ValueError: Stable-Baselines3 cannot flatten them, or they hold no number.
    """
    named = {"": space}
    if isinstance(space, spaces.Dict):
        named = {f" of {key!r}": part for key, part in space.items()}
        for key in space:
            if not key or "." in key or hasattr(nn.ModuleDict(), key):
                raise ValueError(
                    "A key of a Dict observation names a torch module, so it must "
                    "have no dot, not be blank, and be no attribute of "
                    f"torch.nn.ModuleDict; got {key!r}. Choose another."
                )
    for name, part in named.items():
        _check_flattenable(part, name)
    if not sum(get_flattened_obs_dim(part) for part in named.values()):
        raise ValueError(f"The observations must hold a number; got {space}.")


def _check_flattenable(space: spaces.Space[Any], of: str) -> None:
    if not isinstance(space, FLATTENABLE):
        raise ValueError(
            "An observation must be a Box, Discrete, MultiDiscrete or MultiBinary, "
            f"or a Dict of these, for Stable-Baselines3 to flatten it; got {space}. "
            "Wrap the environment in gymnasium's FlattenObservation."
        )
    if isinstance(space, spaces.Box) and space.shape == ():
        raise ValueError(
            f"A Box{of} must have an axis; got {space}. Give it the shape (1,), by "
            "gymnasium's ReshapeObservation."
        )
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim > 1:
        raise ValueError(
            f"A MultiDiscrete{of} must have one axis; got {space}. Flatten its nvec."
        )
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete) and np.any(
        space.start
    ):
        raise ValueError(
            f"A {type(space).__name__}{of} must start at 0, from where "
            f"Stable-Baselines3 counts; got {space}. Subtract its start."
        )


def takes_convolutions(space: spaces.Space[Any], *, normalize_images: bool) -> bool:
    """Whether observations are images, and large enough for NatureCNN.

    Args:
        space: of the observations; images are channels first, as Stable-Baselines3's
            `VecTransposeImage` makes them.
        normalize_images: as the policy's argument of this name.

    Raises:
        ValueError: the images have their channels last.
    """
    if not is_image_space(space, normalized_image=not normalize_images):
        return False
    shape = space.shape or ()
    if min(shape[1:]) >= SMALLEST_IMAGE:
        return True
    if min(shape[:2]) >= SMALLEST_IMAGE:
        raise ValueError(
            f"An image must be channels first, (C, H, W); got {shape}. Wrap the "
            "environments in Stable-Baselines3's VecTransposeImage, as its algorithms "
            "do, or transpose the observations."
        )
    return False


def frame_of(space: spaces.Space[Any], *, normalize_images: bool) -> spaces.Box | None:
    """Returns the space of a frame where observations are a stack of images.

    Args:
        space: of the observations. A stack is a Box of shape (T, H, W, C) or
            (T, C, H, W), as gymnasium's FrameStackObservation makes it of images.
        normalize_images: as the policy's argument of this name.

    Returns:
        The frame's space, the channels where they are; None where there is no stack.
    """
    if not isinstance(space, spaces.Box) or len(space.shape) != 4 or 0 in space.shape:
        return None
    frame = spaces.Box(space.low[0], space.high[0], dtype=space.dtype.type)
    found = is_image_space(frame, normalized_image=not normalize_images)
    return frame if found else None


def channels_first(frame: spaces.Box) -> spaces.Box:
    """Returns the space of an image with its channels first, where it has them last."""
    if is_image_space_channels_first(frame):
        return frame
    low, high = (bound.transpose(2, 0, 1) for bound in (frame.low, frame.high))
    return spaces.Box(low, high, dtype=frame.dtype.type)


def warn_of_doubts(space: spaces.Space[Any], *, normalize_images: bool) -> None:
    """Says how observations are taken that may be meant as images, and are none."""
    parts = space.values() if isinstance(space, spaces.Dict) else (space,)
    for part in parts:
        if not isinstance(part, spaces.Box):
            continue
        shape = part.shape
        if part.dtype == np.uint8 and len(shape) == 2 and min(shape) >= _SMALLEST_DOUBT:
            _warn(
                f"{part} may be an image or a window of {shape[0]} steps; its numbers "
                "are taken as they are, as those of a window. Give an image an axis "
                f"for its channels, {(*shape, 1)}, by gymnasium's "
                "GrayscaleObservation(keep_dim=True) or ReshapeObservation; make a "
                "window one of floats, by DtypeObservation."
            )
        elif (
            len(shape) in (3, 4)
            and min(sorted(shape[-3:])[1:]) >= SMALLEST_IMAGE
            and min(shape[-3:]) in _CHANNELS
            and not is_image_space(part, normalized_image=not normalize_images)
            and frame_of(part, normalize_images=normalize_images) is None
        ):
            _warn(
                f"Observations of shape {shape} and dtype {part.dtype} may be images, "
                f"and are taken as {get_flattened_obs_dim(part)} flat numbers: "
                "Stable-Baselines3's images are uint8, from 0 to 255. Make them so; or "
                "if they are normalised already, channels first, pass "
                "normalize_images=False to the policy, or normalized_image=True to an "
                "extractor."
            )


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=5)
