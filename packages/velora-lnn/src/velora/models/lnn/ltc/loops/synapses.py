"""Synapses in compressed rows: what they carry, and its gradients.

In all of it the batch is the last dimension: `potentials` are (from, B), `current` and
`conductance` (to, B). `values` are the (4, K) weights, reversal potentials, µ and σ of
the synapses, `starts` (to + 1,) and `sources` (K,) say where they are, as in
`velora.models.lnn.ltc.rows`. `activity` is (K, B), and as large as it must be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.compiled.dialect import Array, compiled
from velora.models.lnn.compiled.elementary import sigmoid

Indices = NDArray[np.int64]
_ZERO, _ONE = np.float32(0), np.float32(1)


@compiled("void(float32[:, ::1], float32[:, ::1], int64[::1], float32[:, ::1])")
def fill_activity(
    potentials: Array, values: Array, sources: Indices, activity: Array
) -> None:
    """Fills `activity` with sigmoid(σ·(u - µ)), u where each synapse comes from."""
    synapses, batch = activity.shape
    for k in range(synapses):
        row, out = potentials[sources[k]], activity[k]
        mu, sigma = values[2, k], values[3, k]
        for b in range(batch):
            out[b] = sigma * (row[b] - mu)
    # One long loop: its vector instructions are full however small a batch is.
    flat = activity.reshape(activity.size)
    for i in range(flat.size):
        flat[i] = sigmoid(flat[i])


@compiled(
    "void(float32[:, ::1], int64[::1], float32[:, ::1], float32[:, ::1],"
    " float32[:, ::1])"
)
def add_currents(
    values: Array, starts: Indices, activity: Array, current: Array, conductance: Array
) -> None:
    """Adds what all synapses onto a neuron carry to its current and conductance."""
    batch = activity.shape[1]
    for n in range(len(current)):
        through, into = conductance[n], current[n]
        for k in range(starts[n], starts[n + 1]):
            active, weight = activity[k], values[0, k]
            driven = weight * values[1, k]
            for b in range(batch):
                through[b] += weight * active[b]
                into[b] += driven * active[b]


@compiled(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1],"
    " int64[::1], int64[::1], float32[:, ::1], float32[:, ::1], float32[:, ::1])"
)
def add_gradients(
    to_current: Array,
    to_conductance: Array,
    potentials: Array,
    values: Array,
    starts: Indices,
    sources: Indices,
    activity: Array,
    grad_potentials: Array,
    grad_values: Array,
) -> None:
    """Adds the gradients of the potentials and of the synapses.

    Args:
        to_current: (to, B) gradient of the currents.
        to_conductance: (to, B) gradient of the conductances.
        potentials: (from, B).
        values: (4, K).
        starts: (to + 1,).
        sources: (K,).
        activity: (K, B) as `fill_activity` left it.
        grad_potentials: (from, B) to add to.
        grad_values: (4, K) to add to.
    """
    batch = activity.shape[1]
    for n in range(len(to_current)):
        of_current, of_conductance = to_current[n], to_conductance[n]
        for k in range(starts[n], starts[n + 1]):
            active, row = activity[k], potentials[sources[k]]
            to_row = grad_potentials[sources[k]]
            weight, reversal = values[0, k], values[1, k]
            mu, sigma = values[2, k], values[3, k]
            steep = weight * sigma
            to_weight, to_reversal, to_mu, to_sigma = _ZERO, _ZERO, _ZERO, _ZERO
            for b in range(batch):
                y = active[b]
                of_through = of_current[b] * reversal + of_conductance[b]
                to_weight += of_through * y
                to_reversal += of_current[b] * y
                slope = of_through * y * (_ONE - y)
                to_mu += slope
                to_sigma += slope * (row[b] - mu)
                to_row[b] += steep * slope
            grad_values[0, k] += to_weight
            grad_values[1, k] += weight * to_reversal
            grad_values[2, k] -= steep * to_mu
            grad_values[3, k] += weight * to_sigma
