"""Loops over numbers that numba compiles for the CPU, in single precision.

Imported by `compiled`, which knows whether numba is there. The dialect is numba's: flat
loops over arrays, which it turns into vector instructions. No flag lets the compiler
assume that numbers are finite, so infinities and NaNs stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_HALF, _ONE = np.float32(0.5), np.float32(1)
_OPTIONS: Any = {
    # All of fastmath but that there are no NaNs and infinities.
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
    "error_model": "numpy",  # a check for division by zero would forbid vectors
}


def _compiled(signature: str) -> Callable[[Any], Any]:
    """Compiles at once, and keeps the result on disk where there is a place."""

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(signature, cache=True, **_OPTIONS)(function)
        except RuntimeError:  # nowhere to write
            return numba.njit(signature, **_OPTIONS)(function)

    return decorate


def _inlined(function: Any) -> Any:
    return numba.njit(inline="always")(function)


@_inlined
def _tanh(x: np.float32) -> np.float32:
    """Computes tanh as x·P(x²)/Q(x²), within 4e-7.

    The polynomials were fitted to tanh(x)/x over [-9, 9], beyond which it is ±1.
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
    return x * p / q


@_inlined
def _sigmoid(x: np.float32) -> np.float32:
    return np.float32(_HALF * _tanh(_HALF * x) + _HALF)


@_compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1])")
def _add_product(out: Array, rows: Array, matrix: Array) -> None:
    """Adds the product of the rows' first K numbers and a (K, J) matrix to (B, J).

    Four rows and four lines of the matrix at a time, so that a number that was loaded
    is used often.
    """
    batch, inner = len(rows), len(matrix)
    fours = batch - batch % 4
    for b in range(0, fours, 4):
        w, x, y, z = rows[b], rows[b + 1], rows[b + 2], rows[b + 3]
        for k in range(0, inner - 3, 4):
            w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
            x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
            y0, y1, y2, y3 = y[k], y[k + 1], y[k + 2], y[k + 3]
            z0, z1, z2, z3 = z[k], z[k + 1], z[k + 2], z[k + 3]
            for j in range(out.shape[1]):
                m0, m1 = matrix[k, j], matrix[k + 1, j]
                m2, m3 = matrix[k + 2, j], matrix[k + 3, j]
                out[b, j] += w0 * m0 + w1 * m1 + w2 * m2 + w3 * m3
                out[b + 1, j] += x0 * m0 + x1 * m1 + x2 * m2 + x3 * m3
                out[b + 2, j] += y0 * m0 + y1 * m1 + y2 * m2 + y3 * m3
                out[b + 3, j] += z0 * m0 + z1 * m1 + z2 * m2 + z3 * m3
        for k in range(inner - inner % 4, inner):
            for j in range(out.shape[1]):
                out[b, j] += w[k] * matrix[k, j]
                out[b + 1, j] += x[k] * matrix[k, j]
                out[b + 2, j] += y[k] * matrix[k, j]
                out[b + 3, j] += z[k] * matrix[k, j]
    for b in range(fours, batch):
        for k in range(0, inner - 3, 4):
            w0, w1, w2, w3 = rows[b, k], rows[b, k + 1], rows[b, k + 2], rows[b, k + 3]
            for j in range(out.shape[1]):
                first = w0 * matrix[k, j] + w1 * matrix[k + 1, j]
                out[b, j] += first + w2 * matrix[k + 2, j] + w3 * matrix[k + 3, j]
        for k in range(inner - inner % 4, inner):
            for j in range(out.shape[1]):
                out[b, j] += rows[b, k] * matrix[k, j]


@_compiled(
    "void(float32[:, :, ::1], float32[:, ::1], float32[:, ::1], boolean[:, ::1],"
    " float32[:, ::1], float32[:, :, ::1], float32[:, :, ::1])"
)
def scan_forward(
    inputs: Array,
    weight: Array,
    state: Array,
    resets: NDArray[np.bool_],
    times: Array,
    activations: Array,
    states: Array,
) -> None:
    """Runs the recurrence of `velora.models.lnn.scan` forward.

    Args:
        inputs: (T, B, N·H), the last of the N heads the projection.
        weight: (H, M·H), transposed, without the projection.
        state: (B, H), which is overwritten.
        resets: (T, B), or (0, 0) where there are none.
        times: (T, B) where M is 4, else (0, 0).
        activations: (T, B, M·H) to fill: tanh g, tanh h, with times f_to_g, gate.
        states: (T, B, H) to fill.
    """
    steps, batch, hidden = states.shape
    last = activations.shape[2] - hidden
    for t in range(steps):
        for b in range(batch):
            row, projected = activations[t, b], inputs[t, b]
            for j in range(row.size):
                row[j] = projected[j]
            if resets.size > 0 and resets[t, b]:
                state[b, :] = 0
        _add_product(activations[t], state, weight)
        # Short loops over few arrays: only such become vector instructions.
        for b in range(batch):
            row, after = activations[t, b], states[t, b]
            gate, f_to_g = row[last:], row[2 * hidden : 3 * hidden]
            if times.size > 0:
                time = times[t, b]
                for j in range(hidden):
                    gate[j] += f_to_g[j] * time
            for j in range(hidden):
                gate[j] = _sigmoid(gate[j])
            for j in range(2 * hidden):
                row[j] = _tanh(row[j])
            g, h = row[:hidden], row[hidden : 2 * hidden]
            for j in range(hidden):
                after[j] = g[j] + gate[j] * (h[j] - g[j])
            state[b, :] = after


@_compiled(
    "void(float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1], boolean[:, ::1],"
    " float32[:, ::1], float32[:, :, ::1], float32[:, ::1])"
)
def scan_backward(
    grad_states: Array,
    weight: Array,
    activations: Array,
    resets: NDArray[np.bool_],
    times: Array,
    grad_inputs: Array,
    grad_state: Array,
) -> None:
    """Runs the recurrence of `velora.models.lnn.scan` backward.

    Args:
        grad_states: (T, B, H), from outside the recurrence.
        weight: (M·H, H), without the projection.
        activations: (T, B, M·H), as `scan_forward` filled them.
        resets: as in `scan_forward`.
        times: as in `scan_forward`.
        grad_inputs: (T, B, N·H), all but the projection's to fill.
        grad_state: (B, H) to fill.
    """
    steps, batch, hidden = grad_states.shape
    last = activations.shape[2] - hidden
    grad_state[:, :] = 0
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            row, grad, now = activations[t, b], grad_inputs[t, b], grad_state[b]
            g, h, gate = row[:hidden], row[hidden : 2 * hidden], row[last:]
            from_outside = grad_states[t, b]
            for j in range(hidden):
                now[j] += from_outside[j]
            to_g, to_h = grad[:hidden], grad[hidden : 2 * hidden]
            for j in range(hidden):
                to_g[j] = now[j] * (_ONE - gate[j]) * (_ONE - g[j] * g[j])
            for j in range(hidden):
                to_h[j] = now[j] * gate[j] * (_ONE - h[j] * h[j])
            to_f = grad[last : last + hidden]
            for j in range(hidden):
                to_f[j] = now[j] * (h[j] - g[j]) * gate[j] * (_ONE - gate[j])
            if times.size > 0:
                time, to_f_to_g = times[t, b], grad[2 * hidden : 3 * hidden]
                for j in range(hidden):
                    to_f_to_g[j] = to_f[j] * time
            now[:] = 0
        _add_product(grad_state, grad_inputs[t], weight)
        if resets.size > 0:
            for b in range(batch):
                if resets[t, b]:
                    grad_state[b, :] = 0


@_inlined
def _exp(x: np.float32) -> np.float32:
    """Computes exp for x in [-87, 20] as 2^n·exp(r), the latter by its series."""
    n = np.int32(np.float32(1.44269504) * x + np.float32(1000.5)) - np.int32(1000)
    # ln(2) in two parts, the first of which gives exact products.
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1 / 720) * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + _HALF
    p = (p * r + _ONE) * r + _ONE
    return p * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@_inlined
def _bounded(x: np.float32) -> np.float32:
    """Keeps x where `_exp` holds; Mish is 0 or x to all digits beyond, or NaN."""
    return np.float32(-87) if x < -87 else (np.float32(20) if x > 20 else x)


@_compiled("void(float32[::1], float32[::1])")
def mish_forward(x: Array, y: Array) -> None:
    """Fills `y` with Mish of `x`, both (n,)."""
    for i in range(x.size):
        e = _exp(_bounded(x[i]))
        n = e * (e + np.float32(2))
        bounded = np.float32(-87) if x[i] < -87 else x[i]
        y[i] = bounded * (n / (n + np.float32(2)))


@_compiled("void(float32[::1], float32[::1], float32[::1])")
def mish_backward(x: Array, grad_y: Array, grad_x: Array) -> None:
    """Fills `grad_x` with the derivative of Mish times `grad_y`, all (n,)."""
    for i in range(x.size):
        bounded = _bounded(x[i])
        e = _exp(bounded)
        n = e * (e + np.float32(2))
        m = _ONE / (n + np.float32(2))
        # tanh(softplus(x)) is n·m, and its slope 4·m²·e·(1 + e).
        grad_x[i] = grad_y[i] * m * (n + bounded * 4 * m * e * (_ONE + e))
