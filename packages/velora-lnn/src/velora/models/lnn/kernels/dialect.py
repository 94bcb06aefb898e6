"""How kernels are compiled.

The dialect is Triton's: a function over blocks of numbers, once for each block of rows.
What is written to memory is seen by the rest of the block after a barrier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton


def kernel(function: Callable[..., None]) -> Any:
    """Marks a kernel. It is compiled once for all numbers of steps and of rows."""
    return triton.jit(function, do_not_specialize=["steps", "batch"])


def inlined(function: Callable[..., Any]) -> Any:
    """Marks what becomes part of the kernel that calls it."""
    return triton.jit(function)
