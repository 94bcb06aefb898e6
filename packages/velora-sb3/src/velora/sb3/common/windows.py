"""Windows of observations: the time axis that a recurrent network runs over."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from stable_baselines3.common.torch_layers import FlattenExtractor


class WindowExtractor(FlattenExtractor):
    """Flattens (T, F) observations and says so, for a recurrent network.

    Gymnasium's `FrameStackObservation` makes such windows, oldest step first. The
    features of a batch are (B, T·F), as Stable-Baselines3 expects them. A features
    extractor of yours that keeps a time axis inherits from this one and sets
    `window`.

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
    return (
        isinstance(observation_space, spaces.Box) and len(observation_space.shape) == 2
    )
