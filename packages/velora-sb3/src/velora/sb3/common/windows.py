"""Windows of observations: the time axis that a recurrent network runs over."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from stable_baselines3.common.torch_layers import (
    BaseFeaturesExtractor,
    FlattenExtractor,
)


class Windowed(BaseFeaturesExtractor):
    """A features extractor whose features are a window, and what goes with each step.

    Attributes:
        window: (T, F): the first T·F of the (B, features_dim) features are T steps,
            oldest first, of F numbers each. A recurrent network gets the features that
            follow at every step.
    """

    window: tuple[int, int]


class WindowExtractor(Windowed, FlattenExtractor):
    """Flattens (T, F) observations and says so, for a recurrent network.

    Gymnasium's `FrameStackObservation` makes such windows, oldest step first. The
    features of a batch are (B, T·F), as Stable-Baselines3 expects them. A features
    extractor of yours that keeps a time axis inherits from this one, or from
    `Windowed`, and sets `window`.

    Attributes:
        window: (T, F), steps and features of a step.

    Raises:
        ValueError: the observations have no time axis.
    """

    def __init__(self, observation_space: spaces.Box) -> None:
        if not is_window(observation_space):
            raise ValueError(
                "A window must be a Box of shape (T, F), as gymnasium's "
                "FrameStackObservation makes it of flat observations; got "
                f"{observation_space}."
            )
        super().__init__(observation_space)
        steps, size = observation_space.shape
        self.window = steps, size


def is_window(observation_space: spaces.Space[Any]) -> bool:
    """Whether observations are windows: (T, F) boxes."""
    if not isinstance(observation_space, spaces.Box):
        return False
    return len(observation_space.shape) == 2 and 0 not in observation_space.shape
