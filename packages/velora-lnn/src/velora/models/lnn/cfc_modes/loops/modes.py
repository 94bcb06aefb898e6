"""What each mode makes of the heads of a step; see `velora.models.lnn.cfc_modes.modes`.

Arguments are the (B, N·H) heads, which become what the mode's `slopes` take, the times,
(B,) or (0,) where there are none, the states whose first H columns are to fill, and H.
"""

from __future__ import annotations

import numpy as np

from velora.models.lnn.compiled.dialect import Array, compiled, inlined
from velora.models.lnn.compiled.elementary import exp, sigmoid, tanh

CODES = {"default": 0, "no_gate": 1, "pure": 2}
"""The number that stands for a mode in what is compiled."""


@inlined
def _open(row: Array, hidden: int, times: Array, b: int) -> None:
    """Makes tanh(g), tanh(h) and the gate of a row of heads g, h, (f_to_g,) f."""
    gate = row[row.size - hidden :]
    if times.size > 0:
        time, f_to_g = times[b], row[2 * hidden : 3 * hidden]
        for j in range(hidden):
            gate[j] += f_to_g[j] * time
    for j in range(hidden):
        gate[j] = sigmoid(gate[j])
    for j in range(2 * hidden):
        row[j] = tanh(row[j])


@compiled("void(float32[:, ::1], float32[::1], float32[:, ::1], int64)")
def default(heads: Array, times: Array, states: Array, hidden: int) -> None:
    """Goes from tanh(g) to tanh(h)."""
    for b in range(len(heads)):
        row, after = heads[b], states[b, :hidden]
        _open(row, hidden, times, b)
        g, h, gate = row[:hidden], row[hidden : 2 * hidden], row[row.size - hidden :]
        for j in range(hidden):
            after[j] = g[j] + gate[j] * (h[j] - g[j])


@compiled("void(float32[:, ::1], float32[::1], float32[:, ::1], int64)")
def no_gate(heads: Array, times: Array, states: Array, hidden: int) -> None:
    """Adds tanh(h) to tanh(g)."""
    for b in range(len(heads)):
        row, after = heads[b], states[b, :hidden]
        _open(row, hidden, times, b)
        g, h, gate = row[:hidden], row[hidden : 2 * hidden], row[row.size - hidden :]
        for j in range(hidden):
            after[j] = g[j] + gate[j] * h[j]


@compiled(
    "void(float32[:, ::1], float32[::1], float32[:, ::1], int64, float32[:, ::1])"
)
def pure(
    heads: Array, times: Array, states: Array, hidden: int, vectors: Array
) -> None:
    """Is the closed form, with the (2, H) asymptotes and rates."""
    asymptote, rate = vectors[0], vectors[1]
    for b in range(len(heads)):
        f, after = heads[b], states[b, :hidden]
        time = times[b] if times.size > 0 else np.float32(1)
        for j in range(hidden):
            decay = -time * (np.abs(rate[j]) + np.abs(f[j]))
            left = exp(np.float32(-87) if decay < -87 else decay) * f[j]
            after[j] = asymptote[j] - asymptote[j] * left
