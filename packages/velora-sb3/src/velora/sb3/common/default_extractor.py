"""Which features extractor fits an observation space."""

from __future__ import annotations

import warnings
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import (
    BaseFeaturesExtractor,
    CombinedExtractor,
    FlattenExtractor,
    NatureCNN,
)

from velora.sb3.common.dict_extractor import DictExtractor, DictWindowExtractor
from velora.sb3.common.frames import FrameStackExtractor
from velora.sb3.common.spaces import (
    check_observations,
    frame_of,
    takes_convolutions,
    warn_of_doubts,
)
from velora.sb3.common.windows import Windowed, WindowExtractor, is_window


def default_extractor(
    observation_space: spaces.Space[Any],
    *,
    recurrent: bool,
    normalize_images: bool = True,
    whole: bool = False,
) -> type[BaseFeaturesExtractor]:
    """Chooses a features extractor by the observation space.

    Args:
        observation_space: of the environment.
        recurrent: whether the network that follows can use a time axis.
        normalize_images: as the policy's argument of this name.
        whole: whether a Dict and a stack of images are taken as a whole, as agents
            were that were saved before their parts had rules.

    Returns:
        `NatureCNN` for an image of 36 x 36 pixels or more, `FrameStackExtractor` for a
        stack of images, `WindowExtractor` for a (T, F) box before a recurrent network,
        else `FlattenExtractor`. For a Dict `CombinedExtractor`, or `DictExtractor`
        where that would treat an entry otherwise than it is alone, or
        `DictWindowExtractor` where a recurrent network can run over an entry.

    Raises:
        ValueError: Stable-Baselines3 cannot flatten such observations.
    """
    check_observations(observation_space)
    warn_of_doubts(observation_space, normalize_images=normalize_images)

    def is_stack(space: spaces.Space[Any]) -> bool:
        return frame_of(space, normalize_images=normalize_images) is not None

    if isinstance(observation_space, spaces.Dict):
        parts = observation_space.values()
        if whole:
            return CombinedExtractor
        if recurrent and any(is_window(part) or is_stack(part) for part in parts):
            return DictWindowExtractor
        small = any(_is_small_image(part, normalize_images) for part in parts)
        return (
            DictExtractor if small or any(map(is_stack, parts)) else CombinedExtractor
        )
    if takes_convolutions(observation_space, normalize_images=normalize_images):
        return NatureCNN
    if is_stack(observation_space) and not whole:
        return FrameStackExtractor
    if recurrent and is_window(observation_space):
        return WindowExtractor
    return FlattenExtractor


def _is_small_image(space: spaces.Space[Any], normalize_images: bool) -> bool:
    is_image = is_image_space(space, normalized_image=not normalize_images)
    return is_image and not takes_convolutions(space, normalize_images=normalize_images)


def has_memory(features_extractor_class: type[BaseFeaturesExtractor]) -> bool:
    """Whether features have a time axis, over which a recurrent network may run."""
    return issubclass(features_extractor_class, Windowed)


def warn_without_memory(
    features_extractor_class: type[BaseFeaturesExtractor],
) -> None:
    """Says that a recurrent network will start every step from a zero state."""
    if not has_memory(features_extractor_class):
        warnings.warn(
            "A recurrent network has no memory here: the features of "
            f"{features_extractor_class.__name__} have no time axis, so it starts "
            "every step from a zero state. For memory wrap the environment in "
            "gymnasium's FrameStackObservation, which makes windows of shape (T, F) "
            "of flat boxes, and stacks (T, H, W, C) of images that have an axis for "
            "their channels; in a Dict, too.",
            UserWarning,
            stacklevel=3,
        )
