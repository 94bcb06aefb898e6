"""The table of backends of the liquid time-constant neuron.

`forward(inputs, neurons, sensory, recurrent, times, resets, rows, trail)` fills `trail`
and returns the currents and conductances of each unfold, (T, U, H, B) each, inputs and
leaks included. `backward(grad_states, inputs, neurons, sensory, recurrent, times,
resets, rows, trail, currents, conductances)` returns the gradients of the inputs, (T,
F, B), of the first state, (H, B), of the neurons, of both kinds of synapses, and of the
times, or None. An argument means the same in all of them, and as in `scan`, but the
batch is the last dimension: `inputs` are (T, F, B), `grad_states` (T, H, B), and
`trail` is (T, U + 1, H, B), contiguous all of them. The latter has the states before
each unfold, the first after its reset, and those after the last one; the first of all
is given, before its reset, forward fills the others.
"""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn import backend
from velora.models.lnn.backend import Backend
from velora.models.lnn.ltc.backends import numba_loops, operators

BACKENDS: tuple[Backend, ...] = (numba_loops.BACKEND, operators.BACKEND)
"""Fastest first; the last one takes everything."""


def choose(tensor: Tensor) -> Backend | None:
    """Returns the backend that a sequence takes; see `velora.models.lnn.backend`.

    No sequence is too short for one, as a step is many unfolds.
    """
    return backend.choose(BACKENDS, tensor, 0)


__all__ = ["BACKENDS", "choose"]
