"""Dict observations whose entries need more than SB3's `CombinedExtractor` gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import Tensor, nn

from velora.sb3.common.frames import FrameFeatures
from velora.sb3.common.spaces import frame_of, takes_convolutions
from velora.sb3.common.windows import Windowed, is_window


class DictExtractor(BaseFeaturesExtractor):
    """The features of each entry of a Dict beside each other.

    An entry is treated as it would be alone: an image goes through NatureCNN, one below
    36 x 36 pixels is flattened, each frame of a stack of images is seen by itself.

    Args:
        observation_space: a Dict.
        cnn_output_dim: features of an image, as in `CombinedExtractor`.
        normalized_image: whether images are normalized already, as in `NatureCNN`.
    """

    in_time: ClassVar[bool] = False

    def __init__(
        self,
        observation_space: spaces.Dict,
        cnn_output_dim: int = 256,
        normalized_image: bool = False,
    ) -> None:
        super().__init__(observation_space, 1)
        normalize = not normalized_image
        entries: dict[str, nn.Module] = {}
        windows: dict[str, tuple[int, int]] = {}
        size = 0
        for key, space in observation_space.items():
            if frame_of(space, normalize_images=normalize) is not None:
                stack = FrameFeatures(space, cnn_output_dim, normalized_image)
                entries[key], windows[key] = stack, stack.window
                size += stack.window[0] * stack.window[1]
            elif takes_convolutions(space, normalize_images=normalize):
                entries[key] = NatureCNN(space, cnn_output_dim, normalized_image)
                size += cnn_output_dim
            else:
                entries[key] = nn.Flatten()
                size += get_flattened_obs_dim(space)
                if is_window(space):
                    windows[key] = space.shape  # type: ignore[assignment]  # (T, F)
        self.extractors = nn.ModuleDict(entries)
        self.windows = windows if self.in_time else {}
        self._features_dim = size

    def forward(self, observations: Mapping[str, Tensor]) -> Tensor:
        """Computes the (B, features_dim) features, windows first."""
        features = {key: see(observations[key]) for key, see in self.extractors.items()}
        steps = [features.pop(key).unflatten(1, w) for key, w in self.windows.items()]
        window = [torch.cat(steps, dim=2).flatten(1)] if steps else []
        return torch.cat([*window, *features.values()], dim=1)


class DictWindowExtractor(DictExtractor, Windowed):
    """The windows of a Dict step by step, and all other entries at every step.

    Raises:
        ValueError: there is no window, or some have another number of steps.
    """

    in_time = True

    def __init__(
        self,
        observation_space: spaces.Dict,
        cnn_output_dim: int = 256,
        normalized_image: bool = False,
    ) -> None:
        super().__init__(observation_space, cnn_output_dim, normalized_image)
        lengths = {key: steps for key, (steps, _) in self.windows.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(
                "The windows of a Dict, (T, F) boxes and stacks of images, must have "
                f"the same number of steps T; got {lengths}. Stack them alike, or "
                "flatten those that are no windows."
            )
        steps = next(iter(lengths.values()))
        self.window = steps, sum(size for _, size in self.windows.values())
