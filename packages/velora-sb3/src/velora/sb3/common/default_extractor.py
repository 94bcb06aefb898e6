"""Which features extractor fits an observation space."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import (
    BaseFeaturesExtractor,
    CombinedExtractor,
    FlattenExtractor,
    NatureCNN,
)

from velora.sb3.common.windows import WindowExtractor, is_window

SMALLEST_IMAGE = 36  # pixels a side that NatureCNN's filters need
# What Stable-Baselines3 preprocesses, in a dict as well.
FLATTENABLE = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def default_extractor(
    observation_space: spaces.Space[Any],
    *,
    recurrent: bool,
    normalize_images: bool = True,
) -> type[BaseFeaturesExtractor]:
    """Chooses a features extractor by the observation space.

    Args:
        observation_space: of the environment.
        recurrent: whether the network that follows can use a time axis.
        normalize_images: as the policy's argument of this name.

    Returns:
        `CombinedExtractor` for a dict, `NatureCNN` for an image of 36 x 36 pixels or
        more, `WindowExtractor` for a (T, F) box before a recurrent network, else
        `FlattenExtractor`.

    Raises:
        ValueError: Stable-Baselines3 cannot flatten such observations.
    """
    _check_flattenable(observation_space)
    if isinstance(observation_space, spaces.Dict):
        return CombinedExtractor
    if is_image_space(observation_space, normalized_image=not normalize_images):
        height, width = sorted(observation_space.shape or ())[1:]  # after the channels
        if min(height, width) >= SMALLEST_IMAGE:
            return NatureCNN
    if recurrent and is_window(observation_space):
        return WindowExtractor
    return FlattenExtractor


def _check_flattenable(observation_space: spaces.Space[Any]) -> None:
    parts: Iterable[spaces.Space[Any]] = [observation_space]
    if isinstance(observation_space, spaces.Dict):
        parts = observation_space.values()
    for part in parts:
        if not isinstance(part, FLATTENABLE):
            raise ValueError(
                "An observation must be a Box, Discrete, MultiDiscrete or MultiBinary, "
                f"or a Dict of these, for Stable-Baselines3 to flatten it; got {part}. "
                "Wrap the environment in gymnasium's FlattenObservation."
            )


def warn_without_memory(
    features_extractor_class: type[BaseFeaturesExtractor],
) -> None:
    """Says that a recurrent network will start every step from a zero state."""
    if not issubclass(features_extractor_class, WindowExtractor):
        warnings.warn(
            "A recurrent network has no memory here: the features of "
            f"{features_extractor_class.__name__} have no time axis, so it starts "
            "every step from a zero state. For memory wrap the environment in "
            "gymnasium's FrameStackObservation, which makes windows of shape (T, F) "
            "of flat boxes.",
            UserWarning,
            stacklevel=3,
        )
