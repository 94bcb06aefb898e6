"""A small kernel of all that versions of Triton and GPUs may not have."""

from __future__ import annotations

import torch
import triton.language as tl

from velora.models.lnn.kernels.dialect import kernel
from velora.models.lnn.kernels.products import add_product

_SIZE = 16


@kernel
def _square(numbers: tl.tensor, out: tl.tensor, size: int, SIZE: tl.constexpr) -> None:
    row = tl.arange(0, SIZE)
    at = row[:, None] * size + row[None, :]
    tl.store(numbers + at, tl.full((SIZE, SIZE), 1.0, tl.float32))
    tl.debug_barrier()
    total = tl.full((SIZE, SIZE), 0.0, tl.float32)
    rows, is_row = numbers + row * size, row < size
    total = add_product(total, rows, is_row, numbers, size, size, 1, SIZE, SIZE)
    tl.store(out + at, total)


def try_out(device: str) -> None:
    """Compiles and runs it; raises what stops it: any error.

    Raises:
        RuntimeError: what it wrote is wrong.
    """
    numbers, out = torch.zeros(2, _SIZE, _SIZE, device=device)
    _square[(1,)](numbers, out, _SIZE, SIZE=_SIZE, num_stages=1)
    if not (out == _SIZE).all():
        raise RuntimeError(f"a product of ones is wrong: {out[0].tolist()}")
