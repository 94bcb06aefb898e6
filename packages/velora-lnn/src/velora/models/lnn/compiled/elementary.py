"""Elementary functions in single precision, which become part of the loops around.

They are all arithmetic, so that loops of them become vector instructions.
"""

from __future__ import annotations

import numpy as np

from velora.models.lnn.compiled.dialect import inlined

_HALF, _ONE = np.float32(0.5), np.float32(1)


@inlined
def exp(x: np.float32) -> np.float32:
    """Computes exp for x in [-87, 20] as 2^n·exp(r), the latter by its series."""
    # All in single precision: an integer among it would make numba take double.
    n = np.floor(np.float32(1.44269504) * x + _HALF)
    # ln(2) in two parts, the first of which gives exact products.
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1 / 720) * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + _HALF
    p = (p * r + _ONE) * r + _ONE
    power = (np.int32(n) + np.int32(127)) << np.int32(23)
    power_of_e: np.float32 = p * np.int32(power).view(np.float32)
    return power_of_e


@inlined
def tanh(x: np.float32) -> np.float32:
    """Computes tanh as x·P(x²)/Q(x²), within 4e-7.

    The polynomials were fitted to tanh(x)/x over [-9, 9], beyond which it is ±1, and
    exactly so: a gate that is shut has no gradient, however long the time.
    """
    x = np.float32(-9) if x < -9 else (np.float32(9) if x > 9 else x)
    z = x * x
    p = np.float32(1.33546526e-08) * z + np.float32(2.06090750e-05)
    p = p * z + np.float32(3.49558765e-03)
    p = p * z + np.float32(1.33810252e-01)
    p = p * z + np.float32(9.99999979e-01)
    q = np.float32(7.77655442e-07) * z + np.float32(3.28563406e-04)
    q = q * z + np.float32(2.58769803e-02)
    q = q * z + np.float32(4.67143408e-01)
    q = q * z + _ONE
    y = np.float32(x * p / q)
    y = -_ONE if y < -_ONE else (_ONE if y > _ONE else y)  # of their last digit
    return _ONE if x >= 9 else (-_ONE if x <= -9 else y)


@inlined
def sigmoid(x: np.float32) -> np.float32:
    """Computes 1 / (1 + exp(-x)), exactly 0 or 1 where `tanh` is ±1."""
    return np.float32(_HALF * tanh(_HALF * x) + _HALF)
