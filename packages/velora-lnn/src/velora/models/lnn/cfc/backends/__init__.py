"""The table of backends of the recurrence of `velora.models.lnn.scan`.

`forward(heads, weight, before, resets, times)` returns the (T, B, H) states, and
`backward(grad_y, grad_states, weight, heads, resets, times)` the gradients of the
heads, (T, B, N·H), and of the first state, (B, H). An argument means the same in all
of them. `heads` are (T, B, N·H), as `velora.models.lnn.cfc.heads` has them: what the
inputs give to them, which forward overwrites with tanh(g), tanh(h), with times f_to_g
as it is, the gate, and y (which backward does not read). `weight` is (N·H, H), best as
`lay_out` returns it. `before` is (T, B, W), and its last H columns are the states
before each step, after its reset; those of the first step are given, forward fills the
others. `resets` are (T, B) booleans and `times` (T, B, 1), or None. `grad_y` and
`grad_states` are (T, B, H), the latter of the states from outside the recurrence, or
one is None.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc.backends import numba_loops, operators

BACKENDS: tuple[Backend, ...] = (numba_loops.BACKEND, operators.BACKEND)
"""Fastest first; the last one takes everything."""

SHORT = 2
"""Steps that preparations do not pay for in plain operators."""


def choose(tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`."""
    return backend.choose(BACKENDS, tensor, work)


__all__ = ["BACKENDS", "SHORT", "choose"]
