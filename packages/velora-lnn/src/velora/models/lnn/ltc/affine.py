"""A scale and a shift for each number."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from velora.models.lnn.shapes import check_features, check_sizes


class Affine(nn.Module):
    """Scales and shifts each of its inputs by itself: `x * weight + bias`.

    Args:
        features: size F of an input and of an output.
        device: where the layer is made; None is PyTorch's default.

    Attributes:
        weight: (F,) parameter, one at first.
        bias: (F,) parameter, zero at first.

    Raises:
        TypeError: the size is no integer.
        ValueError: the size is below 1.
    """

    def __init__(
        self, features: int, *, device: torch.device | str | None = None
    ) -> None:
        super().__init__()
        check_sizes(features=features)
        self.features = features
        self.weight = nn.Parameter(torch.ones(features, device=device))
        self.bias = nn.Parameter(torch.zeros(features, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Returns (..., F) outputs of (..., F) inputs.

        Raises:
            ValueError: the last dimension of `x` is not F.
        """
        check_features(x, self.features)
        return x * self.weight + self.bias

    def extra_repr(self) -> str:
        """Returns the size, for `repr`."""
        return f"features={self.features}"
