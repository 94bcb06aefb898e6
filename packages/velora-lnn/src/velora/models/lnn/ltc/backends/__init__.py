"""The table of backends of the liquid time-constant neuron.

`forward(inputs, circuit, times, resets, trail)` fills `trail` and returns the
conductance of each neuron in each unfold, leak and inputs included, and where there are
times the current likewise, else None: (T, U, H, B) both. `backward(grad_states, inputs,
circuit, times, resets, trail, conductances, currents)` returns the gradients of the
inputs, (T, F, B), of the first state, (H, B), of the neurons, (3, H), of the synapses
from inputs and of those among neurons, (4, K) each, and of the times, or None.

An argument means the same in all of them, and as in `scan`, but the batch is the last
dimension: `inputs` are (T, F, B), `grad_states` (T, H, B), `trail` (T, U + 1, H, B),
contiguous. The latter has the states before each unfold, the first after its reset, and
those after the last one; the first of all is given, before its reset, forward fills the
others. `circuit` are the neurons, and two pairs of `Rows` and (4, K) values: the
synapses from inputs, and those among neurons.
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
