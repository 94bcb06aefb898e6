"""The table of backends of the gated leaky integrator.

`forward(heads, weight, before, resets, times)` returns the (T, B, H) states and, where
there are times, the (T, B, H) rates softplus(f), else None. `backward(grad_states,
weight, heads, before, resets, times, rates)` returns the gradients of the heads, (T, B,
2·H), of the first state, (B, H), and of the times, (T, B, 1) or None. An argument means
the same in all of them. `heads` are (T, B, 2·H), contiguous: what the inputs give to f
and k, which forward overwrites with the gate and tanh(k). `weight` is (2·H, H), best as
`lay_out` returns it. `before` is (T, B, H), contiguous: the states before each step,
after its reset; those of the first step are given, forward fills the others. `resets`
are (T, B) booleans and `times` (T, B, 1), or None.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.gated_leaky.backends import numba_loops, operators

BACKENDS: tuple[Backend, ...] = (numba_loops.BACKEND, operators.BACKEND)
"""Fastest first; the last one takes everything."""

SHORT = 2
"""Steps that preparations do not pay for."""


def choose(tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`."""
    return backend.choose(BACKENDS, tensor, work)


__all__ = ["BACKENDS", "SHORT", "choose"]
