"""Stacks of images: each frame is seen by itself, and time goes on over the frames."""

from __future__ import annotations

import math
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN
from torch import Tensor, nn

from velora.sb3.common.spaces import channels_first, frame_of, takes_convolutions
from velora.sb3.common.windows import Windowed


class FrameFeatures(nn.Module):
    """Features of each frame: NatureCNN's, or the pixels of frames below 36 x 36.

    Args:
        observation_space: a stack of T images, channels first or last.
        features_dim: features of a frame that NatureCNN gives.
        normalized_image: whether images are normalized already; if not, their numbers
            are divided by 255 here, as Stable-Baselines3 takes a stack for no image.

    Attributes:
        window: (T, F), frames and features of each.

    Raises:
        ValueError: the observations are no stack of images.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        features_dim: int,
        normalized_image: bool,
    ) -> None:
        super().__init__()
        normalize = not normalized_image
        frame = frame_of(observation_space, normalize_images=normalize)
        if frame is None:
            raise ValueError(
                "A stack of images must be a Box of shape (T, H, W, C) or (T, C, H, W),"
                " of uint8 from 0 to 255 unless normalized_image=True; got "
                f"{observation_space}."
            )
        first = channels_first(frame)
        self.transposes = first is not frame
        self.scale = 1.0 if normalized_image else 255.0
        self.eye: nn.Module
        if takes_convolutions(first, normalize_images=normalize):
            size = features_dim
            self.eye = NatureCNN(first, size, normalized_image)
        else:
            size = math.prod(first.shape)
            self.eye = nn.Flatten()
        self.window = observation_space.shape[0], size  # type: ignore[index]  # a Box

    def forward(self, observations: Tensor) -> Tensor:
        """Computes (B, T·F) features of (B, T, ...) frames, in one batch of B·T."""
        frames = observations.flatten(0, 1) / self.scale
        if self.transposes:
            frames = frames.permute(0, 3, 1, 2)
        features: Tensor = self.eye(frames)
        steps, size = self.window
        return features.reshape(-1, steps * size)


class FrameStackExtractor(Windowed):
    """Features of a stack of images, as gymnasium's FrameStackObservation makes it.

    A recurrent network runs over the frames; another one gets the features of all of
    them, beside each other.

    Args:
        observation_space: a stack of T images, channels first or last.
        features_dim: features of a frame, where NatureCNN gives them.
        normalized_image: whether images are normalized already, as in `NatureCNN`.

    Raises:
        ValueError: the observations are no stack of images.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        features_dim: int = 512,
        normalized_image: bool = False,
    ) -> None:
        super().__init__(observation_space, 1)
        self.frames = FrameFeatures(observation_space, features_dim, normalized_image)
        self.window = self.frames.window
        self._features_dim = math.prod(self.window)

    def forward(self, observations: Tensor) -> Tensor:
        """Computes (B, T·F) features of (B, T, ...) frames."""
        features: Tensor = self.frames(observations)
        return features
