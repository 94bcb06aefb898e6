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
from torch import Tensor


class WindowExtractor(BaseFeaturesExtractor):
    """Keeps the time axis of (T, F) observations, for a recurrent network.

    Gymnasium's `FrameStackObservation` makes such windows. The features of a batch
    are (B, T, F) and `features_dim` is F.
    """

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, observation_space.shape[1])

    def forward(self, observations: Tensor) -> Tensor:
        """Returns the (B, T, F) observations as they are."""
        return observations


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
        `CombinedExtractor` for a dict, `NatureCNN` for an image, `WindowExtractor`
        for a (T, F) box before a recurrent network, else `FlattenExtractor`.
    """
    if isinstance(observation_space, spaces.Dict):
        return CombinedExtractor
    if is_image_space(observation_space, normalized_image=not normalize_images):
        return NatureCNN
    if recurrent and isinstance(observation_space, spaces.Box):
        is_window = len(observation_space.shape) == 2
        return WindowExtractor if is_window else FlattenExtractor
    return FlattenExtractor


def warn_without_memory(
    observation_space: spaces.Space[Any],
    features_extractor_class: type[BaseFeaturesExtractor],
) -> None:
    """Says that a recurrent network will start every step from a zero state."""
    without_time = (FlattenExtractor, NatureCNN, CombinedExtractor)
    if issubclass(features_extractor_class, without_time):
        warnings.warn(
            "A recurrent network has no memory here: observations in "
            f"{observation_space} have no time axis, so it starts every step from a "
            "zero state. For memory wrap the environment in gymnasium's "
            "FrameStackObservation, which makes windows of shape (T, F) of flat boxes.",
            UserWarning,
            stacklevel=3,
        )
