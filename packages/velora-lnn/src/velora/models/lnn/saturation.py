"""Where an activation has run out of slope: what a neuron reads no longer moves it."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from velora.models.lnn.activation import activation_of

_FLAT = 0.05  # the slope below which gradients hardly pass
_FAR = 20.0


def is_saturated(activation: str, x: Tensor) -> Tensor:
    """Says where an activation is saturated: its slope is below 0.05, and stays so.

    tanh is beyond ±2.2, where its value is beyond ±0.975; Mish below -4.1, where it
    forgets how far below (its minimum, near -1.2, is no such place); ReLU below 0.

    Args:
        activation: its name in `velora.models.lnn.activation.ACTIVATIONS`.
        x: any shape, what the activation is of.

    Returns:
        Booleans of the same shape.

    Raises:
        ValueError: the activation is unknown.
    """
    low, high = _limits(activation)
    return (x < low) | (x > high)


@cache
def _limits(activation: str) -> tuple[float, float]:
    """Returns between which inputs an activation has its last slopes."""
    activate = activation_of(activation)
    with torch.enable_grad():
        x = torch.linspace(-_FAR, _FAR, 40_001, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(activate(x).sum(), x)
    steep = x.detach()[slope.abs() >= _FLAT]
    low, high = float(steep.min()), float(steep.max())
    return low if low > -_FAR else -torch.inf, high if high < _FAR else torch.inf
