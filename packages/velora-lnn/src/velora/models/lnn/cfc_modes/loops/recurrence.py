"""The recurrence of `velora.models.lnn.cfc_modes.scan`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.cfc_modes.loops.memory import recall, recall_backward
from velora.models.lnn.cfc_modes.loops.modes import default, no_gate, pure
from velora.models.lnn.compiled.dialect import Array, compiled
from velora.models.lnn.compiled.elementary import tanh
from velora.models.lnn.compiled.products import (
    add_product,
    add_product_of_transposed,
)

# What stands for an argument that is not there.
NO_RESETS = np.empty((0, 0), dtype=np.bool_)
NO_MATRIX = np.empty((0, 0), dtype=np.float32)
NO_STACK = np.empty((0, 0, 0), dtype=np.float32)


@compiled(
    "void(int64, float32[:, ::1], float32[:, :, ::1], float32[:, ::1],"
    " float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, :, ::1], float32[:, :, ::1], float32[:, ::1],"
    " float32[:, :, ::1], boolean[:, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, ::1], float32[:, :, ::1])"
)
def scan_forward(
    mode: int,
    first: Array,
    deep: Array,
    deep_bias: Array,
    last: Array,
    last_bias: Array,
    vectors: Array,
    heads: Array,
    layers: Array,
    before: Array,
    times: Array,
    noise: Array,
    resets: NDArray[np.bool_],
    memory: Array,
    gates: Array,
    raw: Array,
    states: Array,
) -> None:
    """Runs the recurrence forward; weights are transposed, (from, to).

    Args:
        mode: one of `CODES`.
        first: (H, U), or where L is 0, (H, N·H).
        deep: (L - 1, U, U), or empty.
        deep_bias: (L - 1, U), or empty.
        last: (U, N·H) from the last layer to the heads, or empty.
        last_bias: (1, N·H), or empty.
        vectors: (V, H), or empty.
        heads: (T, B, N·H); see the table of backends.
        layers: (L, T, B, U); see there.
        before: (T, B, H); see there.
        times: (T, B), or (0, 0) where there are none.
        noise: (T, B, U), or (0, 0, 0) where there is none.
        resets: (T, B), or (0, 0) where there are none.
        memory: (H, 4·H) from the state to the gates, or (0, 0) without a memory.
        gates: (T, B, 4·H), or empty; see the table.
        raw: (T, B, H or 2·H); see there, `before` itself without a memory.
        states: (T, B, H or 2·H) to fill with the states after each step.
    """
    steps, batch, hidden = before.shape
    n_layers = len(layers)
    loud = np.empty(layers.shape[2:], dtype=np.float32)
    never = np.empty(0, dtype=np.float32)
    for t in range(steps):
        if memory.size > 0:
            add_product(gates[t], raw[t], 0, memory)
            recall(gates[t], raw[t], before[t], states[t])
        add_product(heads[t] if n_layers == 0 else layers[0, t], before[t], 0, first)
        for n in range(n_layers):
            layer = layers[n, t]
            for b in range(batch):
                row = layer[b]
                for j in range(row.size):
                    row[j] = tanh(row[j])
            if n + 1 < n_layers:
                for b in range(batch):
                    layers[n + 1, t, b] = deep_bias[n]
                add_product(layers[n + 1, t], layer, 0, deep[n])
        if n_layers > 0:
            given = layers[n_layers - 1, t]
            if noise.size > 0:
                for b in range(batch):
                    out, row, factor = loud[b], given[b], noise[t, b]
                    for j in range(row.size):
                        out[j] = row[j] * factor[j]
                given = loud
            for b in range(batch):
                heads[t, b] = last_bias[0]
            add_product(heads[t], given, 0, last)
        time = times[t] if times.size > 0 else never
        if mode == 0:
            default(heads[t], time, states[t], hidden)
        elif mode == 1:
            no_gate(heads[t], time, states[t], hidden)
        else:
            pure(heads[t], time, states[t], hidden, vectors)
        if t + 1 < steps:
            for b in range(batch):
                if resets.size > 0 and resets[t + 1, b]:
                    raw[t + 1, b] = 0
                else:
                    raw[t + 1, b] = states[t, b]


@compiled(
    "void(float32[:, ::1], float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, ::1], float32[:, :, :, ::1], boolean[:, ::1], float32[:, ::1],"
    " float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1])"
)
def scan_backward(
    first: Array,
    deep: Array,
    last: Array,
    whole: Array,
    slopes: Array,
    steepness: Array,
    resets: NDArray[np.bool_],
    memory: Array,
    of_gates: Array,
    out: Array,
    kept: Array,
    grad_state: Array,
) -> None:
    """Runs the recurrence backward; weights are transposed as for `scan_forward`.

    Args:
        first: as in `scan_forward`.
        deep: likewise.
        last: likewise.
        whole: (T, B, H or 2·H) gradients of the states from outside; become whole.
        slopes: (T, B, N·H); become the gradients of the heads.
        steepness: (L, T, B, U); become the gradients of what comes before each tanh.
        resets: as in `scan_forward`.
        memory: likewise.
        of_gates: (T, B, 4·H), or empty; become the gradients of the gates.
        out: (T, B, H), or empty; see `Recalled`.
        kept: (T, B, H), or empty; see there.
        grad_state: (B, H or 2·H) to fill.
    """
    steps, batch, width = whole.shape
    hidden = len(first)
    gradient = np.empty(steepness.shape[2:], dtype=np.float32)
    now = np.empty((batch, hidden), dtype=np.float32)
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            row, given = slopes[t, b], whole[t, b, :hidden]
            for n in range(row.size // hidden):
                block = row[n * hidden : (n + 1) * hidden]
                for j in range(hidden):
                    block[j] *= given[j]
        for n in range(len(steepness) - 1, -1, -1):
            gradient[:, :] = 0
            if n + 1 == len(steepness):
                add_product_of_transposed(gradient, slopes[t], 0, last)
            else:
                add_product_of_transposed(gradient, steepness[n + 1, t], 0, deep[n])
            for b in range(batch):
                row, factor = steepness[n, t, b], gradient[b]
                for j in range(row.size):
                    row[j] *= factor[j]
        now[:, :] = 0
        outer = slopes[t] if len(steepness) == 0 else steepness[0, t]
        add_product_of_transposed(now, outer, 0, first)
        if memory.size > 0:
            recall_backward(now, whole[t], of_gates[t], out[t], kept[t])
            now[:, :] = 0
            add_product_of_transposed(now, of_gates[t], 0, memory)
        for b in range(batch):
            row = grad_state[b]
            row[:hidden] = now[b]
            row[hidden:] = whole[t, b, hidden:]  # the memory's, where there is one
            if resets.size > 0 and resets[t, b]:
                row[:] = 0
            if t > 0:
                earlier = whole[t - 1, b]
                for j in range(width):
                    earlier[j] += row[j]
