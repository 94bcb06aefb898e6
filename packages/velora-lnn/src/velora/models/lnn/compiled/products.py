"""The products of a recurrence, in loops that numba compiles for the CPU."""

from __future__ import annotations

import numpy as np

from velora.models.lnn.compiled.dialect import Array, compiled, inlined


@compiled("void(float32[:, ::1], float32[:, ::1], int64, float32[:, ::1])")
def add_product(out: Array, rows: Array, start: int, matrix: Array) -> None:
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
def add_product_of_transposed(
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
