"""Elementary functions in single precision, which become part of the kernels."""

from __future__ import annotations

import triton.language as tl

from velora.models.lnn.kernels.dialect import inlined


@inlined
def sigmoid(x: tl.tensor) -> tl.tensor:
    """Computes 1 / (1 + exp(-x))."""
    return 1 / (1 + tl.exp(-x))


@inlined
def tanh(x: tl.tensor) -> tl.tensor:
    """Computes tanh: to all digits near 0."""
    size = tl.abs(x)
    e = tl.exp(-2 * size)
    y = tl.minimum(size, 0.1)
    square = y * y
    series = y * (1 - square * (1 / 3 - square * (2 / 15 - square * (17 / 315))))
    size = tl.where(size < 0.1, series, (1 - e) / (1 + e))
    return tl.where(x < 0, -size, size)


@inlined
def softplus(x: tl.tensor) -> tl.tensor:
    """Computes log(1 + exp(x)) = max(x, 0) + log(1 + u) with u = exp(-|x|)."""
    u = tl.exp(-tl.abs(x))
    small = u * (1 - u * (1 / 2 - u * (1 / 3)))  # where 1 + u would lose digits
    return tl.maximum(x, 0.0) + tl.where(u < 0.01, small, tl.log(1 + u))


@inlined
def decayed(x: tl.tensor) -> tl.tensor:
    """Computes 1 - exp(-x) for x of 0 or more: to all digits near 0."""
    y = tl.minimum(x, 0.5)
    series = 1 - y * (1 / 6) * (1 - y * (1 / 7) * (1 - y * (1 / 8)))
    series = 1 - y * (1 / 4) * (1 - y * (1 / 5) * series)
    series = y * (1 - y * (1 / 2) * (1 - y * (1 / 3) * series))
    return tl.where(x < 0.5, series, 1 - tl.exp(-x))
