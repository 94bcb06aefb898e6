"""The table of backends of a CfC cell in any mode, with a backbone and a memory or not.

`forward(mode, weights, trail, times, noise, resets, memory)` fills the `Trail` and
returns the states, (T, B, H), or with a memory, whose weight `memory` is, (T, B, 2·H).
All of the trail is contiguous. What the inputs give is in the first of its `layers`, or
where L is 0, in `heads`, and with a memory in `gates`. The first of `raw` is given,
after its reset.

`backward(grad_states, weights, slopes, steepness, resets, past)` turns derivatives into
gradients, in place, and returns that of the first state. `grad_states` are those of the
states from outside, and become the whole ones (but for a memory's). `slopes` are
(T, B, N, H), of the mode, and become the gradients of the heads. `steepness` is
(L, T, B, U), of the layers' tanh (and noise), and becomes the gradients of what is
before it. `past` is `Recalled`, or None without a memory.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc_modes.backends import numba_loops, operators
from velora.models.lnn.eager import is_traced

BACKENDS: tuple[Backend, ...] = (numba_loops.BACKEND, operators.BACKEND)
"""Fastest first; the last one takes everything."""

SHORT = 2
"""Steps that preparations do not pay for in plain operators."""


def choose(tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`."""
    return backend.choose(BACKENDS, tensor, work)


def is_short(x: Tensor) -> bool:
    """Whether a (T, B, F) sequence goes step by step, as where nothing records it."""
    return not is_traced() and len(x) <= SHORT


__all__ = ["BACKENDS", "SHORT", "choose", "is_short"]
