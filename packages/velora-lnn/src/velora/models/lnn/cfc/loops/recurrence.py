"""The recurrence of `velora.models.lnn.cfc.scan`, and its two products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.compiled.dialect import Array, compiled, inlined

_HALF, _ONE = np.float32(0.5), np.float32(1)
# What stands for an argument that is not there.
NO_RESETS = np.empty((0, 0), dtype=np.bool_)
NO_TIMES = np.empty((0, 0), dtype=np.float32)
NO_GRADIENT = np.empty((0, 0, 0), dtype=np.float32)


@inlined
def _tanh(x: np.float32) -> np.float32:
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
    return _ONE if x >= 9 else (-_ONE if x <= -9 else y)


@inlined
def _sigmoid(x: np.float32) -> np.float32:
    return np.float32(_HALF * _tanh(_HALF * x) + _HALF)


@compiled("void(float32[:, ::1], float32[:, ::1], int64, float32[:, ::1])")
def _add_product(out: Array, rows: Array, start: int, matrix: Array) -> None:
    """Adds a product to (B, J): of the rows from column `start` on and (K, J).

    Four rows and four lines of the matrix at a time, so that a number that was loaded
    is used often.
    """
    batch, inner = len(rows), len(matrix)
    fours = batch - batch % 4
    for b in range(0, fours, 4):
        w, x = rows[b, start:], rows[b + 1, start:]
        y, z = rows[b + 2, start:], rows[b + 3, start:]
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
        w = rows[b, start:]
        for k in range(0, inner - 3, 4):
            w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
            for j in range(out.shape[1]):
                first = w0 * matrix[k, j] + w1 * matrix[k + 1, j]
                out[b, j] += first + w2 * matrix[k + 2, j] + w3 * matrix[k + 3, j]
        for k in range(inner - inner % 4, inner):
            for j in range(out.shape[1]):
                out[b, j] += w[k] * matrix[k, j]


@inlined
def _add_eight_sums(
    out: Array, rows: Array, start: int, matrix: Array, b: int, j: int
) -> None:
    """Adds eight numbers of the next function's product, from row b and line j on."""
    zero = np.float32(0)
    w, x = rows[b, start:], rows[b + 1, start:]
    y, z = rows[b + 2, start:], rows[b + 3, start:]
    m, n = matrix[j], matrix[j + 1]
    wm, xm, ym, zm = zero, zero, zero, zero
    wn, xn, yn, zn = zero, zero, zero, zero
    for k in range(m.size):
        wm += w[k] * m[k]
        xm += x[k] * m[k]
        ym += y[k] * m[k]
        zm += z[k] * m[k]
        wn += w[k] * n[k]
        xn += x[k] * n[k]
        yn += y[k] * n[k]
        zn += z[k] * n[k]
    out[b, j] += wm
    out[b + 1, j] += xm
    out[b + 2, j] += ym
    out[b + 3, j] += zm
    out[b, j + 1] += wn
    out[b + 1, j + 1] += xn
    out[b + 2, j + 1] += yn
    out[b + 3, j + 1] += zn


@compiled("void(float32[:, ::1], float32[:, ::1], int64, float32[:, ::1])")
def _add_product_of_transposed(
    out: Array, rows: Array, start: int, matrix: Array
) -> None:
    """Adds the product of (B, K) rows and a transposed (J, K) matrix to (B, J).

    The rows are those from column `start` on. For large K: eight sums at a time stay in
    registers, and 64 lines of the matrix near while all rows pass.
    """
    batch, size = out.shape
    fours, twos = batch - batch % 4, size - size % 2
    for left in range(0, twos, 64):
        for b in range(0, fours, 4):
            for j in range(left, min(left + 64, twos), 2):
                _add_eight_sums(out, rows, start, matrix, b, j)
    zero = np.float32(0)
    for b in range(batch):
        w = rows[b, start:]
        for j in range(twos if b < fours else 0, size):
            m, wm = matrix[j], zero
            for k in range(m.size):
                wm += w[k] * m[k]
            out[b, j] += wm


@compiled(
    "void(float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1], boolean[:, ::1],"
    " float32[:, ::1], float32[:, :, ::1])"
)
def scan_forward(
    heads: Array,
    weight: Array,
    before: Array,
    resets: NDArray[np.bool_],
    times: Array,
    states: Array,
) -> None:
    """Runs the recurrence of `velora.models.lnn.cfc.scan` forward.

    Args:
        heads: (T, B, N·H), what the inputs give to the heads; overwritten by tanh g,
            tanh h, with times f_to_g, the gate, and y.
        weight: (N·H, H), or as (H, N·H), transposed, which is faster for a small H.
        before: (T, B, W), whose last H columns are the states before each step, after
            its reset. Those of the first step are given, the others filled.
        resets: (T, B), or (0, 0) where there are none.
        times: (T, B) where N is 5, else (0, 0).
        states: (T, B, H) to fill with the states after each step.
    """
    steps, batch, hidden = states.shape
    start = before.shape[2] - hidden
    proj = heads.shape[2] - hidden
    last = proj - hidden
    for t in range(steps):
        if len(weight) == hidden:
            _add_product(heads[t], before[t], start, weight)
        else:
            _add_product_of_transposed(heads[t], before[t], start, weight)
        # Short loops over few arrays: only such become vector instructions.
        for b in range(batch):
            row, after = heads[t, b], states[t, b]
            gate, f_to_g, y = row[last:proj], row[2 * hidden : 3 * hidden], row[proj:]
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
            for j in range(hidden):
                y[j] += after[j]
            if t + 1 < steps:
                if resets.size > 0 and resets[t + 1, b]:
                    before[t + 1, b, start:] = 0
                else:
                    before[t + 1, b, start:] = after


@compiled(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1],"
    " boolean[:, ::1], float32[:, ::1], float32[:, :, ::1], float32[:, ::1])"
)
def scan_backward(
    grad_y: Array,
    grad_states: Array,
    weight: Array,
    heads: Array,
    resets: NDArray[np.bool_],
    times: Array,
    grad_heads: Array,
    grad_state: Array,
) -> None:
    """Runs the recurrence of `velora.models.lnn.cfc.scan` backward.

    Args:
        grad_y: (T, B, H), or (0, 0, 0) where there is none.
        grad_states: (T, B, H), or (0, 0, 0) where there is none.
        weight: (H, N·H), transposed.
        heads: (T, B, N·H), as `scan_forward` left them; y is not read.
        resets: as in `scan_forward`.
        times: as in `scan_forward`.
        grad_heads: (T, B, N·H) to fill.
        grad_state: (B, H) to fill.
    """
    steps, batch, size = heads.shape
    hidden = grad_state.shape[1]
    proj = size - hidden
    last = proj - hidden
    grad_state[:, :] = 0
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            row, grad, now = heads[t, b], grad_heads[t, b], grad_state[b]
            g, h, gate = row[:hidden], row[hidden : 2 * hidden], row[last:proj]
            to_y = grad[proj:]
            if grad_y.size > 0:
                to_y[:] = grad_y[t, b]
                for j in range(hidden):
                    now[j] += to_y[j]
            else:
                to_y[:] = 0
            if grad_states.size > 0:
                from_outside = grad_states[t, b]
                for j in range(hidden):
                    now[j] += from_outside[j]
            to_g, to_h = grad[:hidden], grad[hidden : 2 * hidden]
            for j in range(hidden):
                to_g[j] = now[j] * (_ONE - gate[j]) * (_ONE - g[j] * g[j])
            for j in range(hidden):
                to_h[j] = now[j] * gate[j] * (_ONE - h[j] * h[j])
            to_f = grad[last:proj]
            for j in range(hidden):
                to_f[j] = now[j] * (h[j] - g[j]) * gate[j] * (_ONE - gate[j])
            if times.size > 0:
                time, to_f_to_g = times[t, b], grad[2 * hidden : 3 * hidden]
                for j in range(hidden):
                    to_f_to_g[j] = to_f[j] * time
            now[:] = 0
        _add_product_of_transposed(grad_state, grad_heads[t], 0, weight)
        if resets.size > 0:
            for b in range(batch):
                if resets[t, b]:
                    grad_state[b, :] = 0
