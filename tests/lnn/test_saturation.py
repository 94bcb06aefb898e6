"""An activation is saturated from where on its slope stays below 0.05."""

from __future__ import annotations

import pytest
import torch

from velora.models.lnn.activation import ACTIVATIONS
from velora.models.lnn.saturation import is_saturated


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_flat_from_there_on_and_steep_at_its_edge(name: str) -> None:
    x = torch.linspace(-15, 15, 30_001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](x).sum(), x)
    flat, so = slope.abs() < 0.05, is_saturated(name, x.detach())
    assert (slope.abs()[so] < 0.0502).all()
    assert so.any()
    # Beside each edge is a slope that is not flat.
    edges = torch.nonzero(so[1:] != so[:-1])
    for edge in edges:
        assert not flat[max(0, edge - 2) : edge + 4].all()


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("tanh", [-3, -2, 0, 2, 3], [1, 0, 0, 0, 1]),
        ("mish", [-6, -3, -1.19, 0, 50], [1, 0, 0, 0, 0]),
        ("relu", [-1e-3, 0.1, 1e6], [1, 0, 0]),
        ("tanh", [-torch.inf, torch.inf, -1e6], [1, 1, 1]),
    ],
)
def test_saturation_of(name: str, x: list[float], expected: list[int]) -> None:
    assert is_saturated(name, torch.tensor(x)).int().tolist() == expected


def test_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match="`activation` must be one of"):
        is_saturated("step", torch.zeros(1))
