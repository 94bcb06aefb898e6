"""Mish in compiled loops and in operators: its numbers at any size and layout."""

import pytest
import torch
from paths import has_numba
from scans import LAYOUTS, close, second_derivatives
from torch.nn import functional

from velora.models.lnn.activation import mish


@pytest.fixture(params=["operators", "compiled"])
def single_mish(request, monkeypatch):
    """Mish of float32 with numba and without it."""
    if request.param == "operators":
        monkeypatch.setenv("VELORA_SCAN", "operators")
    elif not has_numba():
        pytest.skip("numba is not installed")

    def checked(x):
        y = mish(x)
        assert ("_Mish" in y.grad_fn.name()) == (request.param == "compiled")
        return y

    return checked


def exact_mish(x):
    """Returns Mish, its slope and the size of the slope's terms, all in float64."""
    x = x.detach().double().requires_grad_()
    y = functional.mish(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    tanh = (y / x).nan_to_num()
    return y.detach(), slope, tanh.abs() + (slope - tanh).abs()


@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
def test_mish_and_its_slope_equal_those_of_pytorch(single_mish, layout):
    plain = torch.linspace(-80, 80, 99 * 101).view(99, 101)
    weights = torch.randn(99, 101)
    place = LAYOUTS.get(layout, torch.clone)
    x = place(plain).requires_grad_()
    y = single_mish(x)
    (slope,) = torch.autograd.grad(y, x, place(weights))
    value, derivative, size = exact_mish(plain)
    torch.testing.assert_close(y.double(), value, rtol=2e-6, atol=0)
    # The slope is a sum of two terms, which cancel near x = -1.19.
    error = (slope - derivative * weights).abs()
    assert (error <= 2e-6 * size * weights.abs()).all()


def test_mish_leaves_nan_and_infinity_as_they_are(single_mish):
    x = torch.randn(5000)
    x[7], x[8], x[4999] = torch.nan, torch.inf, torch.nan
    y = single_mish(x.clone().requires_grad_())
    assert y[8] == torch.inf
    assert y.isnan().nonzero().flatten().tolist() == [7, 4999]


def test_mish_of_huge_numbers_is_zero_or_they(single_mish):
    x = torch.cat((-torch.logspace(2, 38, 3000), torch.logspace(2, 38, 3000)))
    x.requires_grad_()
    y = single_mish(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(y, x.clamp(min=0), rtol=2e-6, atol=1e-12)
    torch.testing.assert_close(slope, (x > 0).float(), rtol=2e-6, atol=1e-12)


def test_second_derivative_of_mish_equals_that_of_pytorch(single_mish):
    x = torch.linspace(-20, 20, 5000)
    results = []
    for function, start in ((single_mish, x), (functional.mish, x.double())):
        start = start.clone().requires_grad_()
        results.append(
            second_derivatives(lambda f=function, s=start: f(s).sum(), [start])
        )
    close(*results)
