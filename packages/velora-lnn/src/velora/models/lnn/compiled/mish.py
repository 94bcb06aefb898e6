"""Mish and its derivative in loops over numbers that numba compiles for the CPU."""

from __future__ import annotations

import numpy as np

from velora.models.lnn.compiled.dialect import Array, compiled, inlined
from velora.models.lnn.compiled.elementary import exp

_ONE, _FOUR = np.float32(1), np.float32(4)


@inlined
def _bounded(x: np.float32) -> np.float32:
    """Keeps x where `exp` holds; Mish is 0 or x to all digits beyond, or NaN."""
    return np.float32(-87) if x < -87 else (np.float32(20) if x > 20 else x)


@compiled("void(float32[::1], float32[::1])")
def mish_forward(x: Array, y: Array) -> None:
    """Fills `y` with Mish of `x`, both (n,)."""
    for i in range(x.size):
        bounded = _bounded(x[i])
        e = exp(bounded)
        n = e * (e + np.float32(2))
        y[i] = x[i] if x[i] > 20 else bounded * (n / (n + np.float32(2)))


@compiled("void(float32[::1], float32[::1], float32[::1])")
def mish_backward(x: Array, grad_y: Array, grad_x: Array) -> None:
    """Fills `grad_x` with the derivative of Mish times `grad_y`, all (n,)."""
    for i in range(x.size):
        bounded = _bounded(x[i])
        e = exp(bounded)
        n = e * (e + np.float32(2))
        m = _ONE / (n + np.float32(2))
        # tanh(softplus(x)) is n·m, and its slope 4·m²·e·(1 + e).
        grad_x[i] = grad_y[i] * m * (n + bounded * _FOUR * m * e * (_ONE + e))


@compiled("void(float32[:, ::1], float32[:, ::1])")
def mish_with_slope(x: Array, y: Array) -> None:
    """Fills `y` with Mish of `x`, and `x` with its derivative there.

    Of (R, X) and (R, Y) these are the last columns of `x` and the first ones of `y`,
    as many as both have.
    """
    size = min(x.shape[1], y.shape[1])
    for r in range(len(x)):
        row, out = x[r, x.shape[1] - size :], y[r, :size]
        for i in range(size):
            bounded = _bounded(row[i])
            e = exp(bounded)
            n = e * (e + np.float32(2))
            m = _ONE / (n + np.float32(2))
            out[i] = row[i] if row[i] > 20 else bounded * (n * m)
            row[i] = m * (n + bounded * _FOUR * m * e * (_ONE + e))
