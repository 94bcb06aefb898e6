"""The table of backends of the recurrence of `velora.models.lnn.scan`.

Arguments are those of `velora.models.lnn.headed.recurrence.Table`. `heads`, packed as
`velora.models.lnn.cfc.heads` has them, become tanh(g), tanh(h), with times f_to_g as it
is, the gate, and y, which backward does not read.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc.backends import (
    numba_loops,
    operators,
    triton_kernels,
)

BACKENDS: tuple[Backend, ...] = (
    numba_loops.BACKEND,
    triton_kernels.BACKEND,
    operators.BACKEND,
)
"""Fastest first; the last one takes everything."""

SHORT = 2
"""Steps that preparations do not pay for in plain operators."""


def choose(tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`."""
    return backend.choose(BACKENDS, tensor, work)


__all__ = ["BACKENDS", "SHORT", "choose"]
