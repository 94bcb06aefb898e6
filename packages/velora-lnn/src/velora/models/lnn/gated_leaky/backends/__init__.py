"""The table of backends of the gated leaky integrator.

Arguments are those of `velora.models.lnn.headed.recurrence.Table`. `heads` are f, k and
proj, which become the gate, tanh(k) and y, which backward does not read. What forward
keeps are, where there are times, the (T, B, H) rates softplus(f), else None.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.gated_leaky.backends import (
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
"""Steps that preparations do not pay for."""


def choose(tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`."""
    return backend.choose(BACKENDS, tensor, work)


__all__ = ["BACKENDS", "SHORT", "choose"]
