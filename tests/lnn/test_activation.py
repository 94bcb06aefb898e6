"""Mish is PyTorch's own, at any size and in any mode."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from velora.models import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.activation import mish

SIZES = [1, 4095, 4096, 10_000]  # below and above where the operators change


def values(size: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.linspace(-30, 60, size, dtype=dtype)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("dtype", "rtol"), [(torch.float32, 2e-6), (torch.float64, 1e-13)]
)
def test_mish_and_its_slope_equal_those_of_pytorch(size, dtype, rtol):
    x, twin = (values(size, dtype).requires_grad_() for _ in range(2))
    y, expected = mish(x), functional.mish(twin)
    torch.testing.assert_close(y, expected, rtol=rtol, atol=1e-12)
    y.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(x.grad, twin.grad, rtol=10 * rtol, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_mish_without_gradients_equals_that_of_pytorch(size):
    x = values(size, torch.float32)
    torch.testing.assert_close(mish(x), functional.mish(x), rtol=2e-6, atol=1e-12)
    assert torch.equal(x, values(size, torch.float32))


def test_mish_of_infinity_is_infinity():
    assert mish(torch.full((5000,), torch.inf)).min() == torch.inf


@pytest.mark.parametrize("kind", [NCPNetwork, LiquidNCPNetwork])
def test_network_is_exported_for_any_batch_size(kind):
    network = kind(3, 10, 2)
    shapes = {"x": {0: torch.export.Dim("batch", min=2, max=4096)}}
    program = torch.export.export(network, (torch.ones(4, 3),), dynamic_shapes=shapes)
    x = torch.randn(1000, 3)
    torch.testing.assert_close(program.module()(x), network(x))
