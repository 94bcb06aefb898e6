"""The product of rows and a recurrent weight, for any number of states."""

from __future__ import annotations

import triton.language as tl

from velora.models.lnn.kernels.dialect import inlined


@inlined
def add_product(
    total: tl.tensor,
    rows: tl.tensor,
    is_row: tl.tensor,
    weight: tl.tensor,
    size: tl.tensor,
    of_row: tl.tensor,
    of_column: tl.tensor,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> tl.tensor:
    """Returns the (ROWS, SIZE) total plus rows times a weight.

    Both are read from memory, BLOCK of their common dimension at a time: what a block
    of threads has in registers it could not cut. Three products of tensor cores in 19
    bits each give single precision ("tf32x3"), faster than one of scalars.

    Args:
        total: (ROWS, SIZE).
        rows: (ROWS,) where rows of `size` numbers begin.
        is_row: (ROWS,) which of them there are.
        weight: where (size, size) numbers begin.
        size: numbers of a row, at most SIZE.
        of_row: numbers from a row of the weight to the next.
        of_column: numbers from a column of the weight to the next.
        SIZE: a power of 2.
        BLOCK: a power of 2, at most SIZE.
    """
    column = tl.arange(0, SIZE)
    for start in range(0, SIZE, BLOCK):
        inner = start + tl.arange(0, BLOCK)
        is_inner = inner < size
        left = tl.load(
            rows[:, None] + inner[None, :], is_row[:, None] & is_inner[None, :], 0.0
        )
        right = tl.load(
            weight + inner[:, None] * of_row + column[None, :] * of_column,
            is_inner[:, None] & (column < size)[None, :],
            0.0,
        )
        total = tl.dot(left, right, total, input_precision="tf32x3")
    return total
