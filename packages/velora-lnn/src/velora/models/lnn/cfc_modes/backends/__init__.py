"""The table of backends of a CfC cell in any mode, with a backbone or without.

`forward(mode, weights, heads, layers, before, times, noise, resets)` returns the
(T, B, H) states. `heads` are (T, B, N·H) and `layers`, L·T·B·U numbers, (L, T, B, U);
both contiguous. What the inputs give is in the first of `layers`, or where L is 0, in
`heads`. Forward overwrites the layers with their tanh, and the heads with what the
mode's `slopes` take. `before` is (T, B, H), contiguous, the states before each step,
after its reset: that of the first step is given, forward fills the others.

`backward(grad_states, weights, slopes, steepness, resets)` turns derivatives into
gradients, in place, and returns that of the first state, (B, H). `grad_states` are
(T, B, H), those of the states from outside, and become the whole ones. `slopes` are
(T, B, N, H), of the mode, and become the gradients of the heads. `steepness` is
(L, T, B, U), of the layers' tanh (and noise), and becomes the gradients of what is
before it.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc_modes.backends import numba_loops, operators

BACKENDS: tuple[Backend, ...] = (numba_loops.BACKEND, operators.BACKEND)
"""Fastest first; the last one takes everything."""

SHORT = 2
"""Steps that preparations do not pay for in plain operators."""


def choose(tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`."""
    return backend.choose(BACKENDS, tensor, work)


__all__ = ["BACKENDS", "SHORT", "choose"]
