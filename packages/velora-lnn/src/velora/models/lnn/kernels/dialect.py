"""How kernels are compiled.

The dialect is Triton's: a function over blocks of numbers, once for each block of rows.
What is written to memory is seen by the rest of the block after a barrier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl


def kernel(function: Callable[..., None]) -> Any:
    """Marks a kernel. It is compiled once for all numbers of steps and of rows."""
    return triton.jit(function, do_not_specialize=["steps", "batch"])


def inlined(function: Callable[..., Any]) -> Any:
    """Marks what becomes part of the kernel that calls it."""
    return triton.jit(function)


@kernel
def _ones(numbers: tl.tensor, SIZE: tl.constexpr) -> None:
    tl.store(numbers + tl.arange(0, SIZE), tl.full((SIZE,), 1.0, tl.float32))


def try_out(device: str) -> None:
    """Compiles and runs a small kernel; raises what stops it: any error.

    Raises:
        RuntimeError: what it wrote is wrong.
    """
    numbers = torch.zeros(16, device=device)
    _ones[(1,)](numbers, SIZE=16)
    if not (numbers == 1).all():
        raise RuntimeError(f"a kernel that writes ones wrote {numbers.tolist()}")
