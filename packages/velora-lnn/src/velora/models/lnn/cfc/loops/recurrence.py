"""The recurrence of `velora.models.lnn.cfc.scan`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.compiled.dialect import Array, compiled
from velora.models.lnn.compiled.elementary import sigmoid, tanh
from velora.models.lnn.compiled.products import (
    add_product,
    add_product_of_transposed,
)

_ONE = np.float32(1)
# What stands for an argument that is not there.
NO_RESETS = np.empty((0, 0), dtype=np.bool_)
NO_TIMES = np.empty((0, 0), dtype=np.float32)
NO_GRADIENT = np.empty((0, 0, 0), dtype=np.float32)


@compiled(
    "void(float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1], boolean[:, ::1],"
    " float32[:, ::1], float32[:, :, ::1])"
)
def scan_forward(
    heads: Array,
    weight: Array,
    before: Array,
    resets: NDArray[np.bool_],
    times: Array,
    states: Array,
) -> None:
    """Runs the recurrence of `velora.models.lnn.cfc.scan` forward.

    Args:
        heads: (T, B, N·H), what the inputs give to the heads; overwritten by tanh g,
            tanh h, with times f_to_g, the gate, and y.
        weight: (N·H, H), or as (H, N·H), transposed, which is faster for a small H.
        before: (T, B, W), whose last H columns are the states before each step, after
            its reset. Those of the first step are given, the others filled.
        resets: (T, B), or (0, 0) where there are none.
        times: (T, B) where N is 5, else (0, 0).
        states: (T, B, H) to fill with the states after each step.
    """
    steps, batch, hidden = states.shape
    start = before.shape[2] - hidden
    proj = heads.shape[2] - hidden
    last = proj - hidden
    for t in range(steps):
        if len(weight) == hidden:
            add_product(heads[t], before[t], start, weight)
        else:
            add_product_of_transposed(heads[t], before[t], start, weight)
        # Short loops over few arrays: only such become vector instructions.
        for b in range(batch):
            row, after = heads[t, b], states[t, b]
            gate, f_to_g, y = row[last:proj], row[2 * hidden : 3 * hidden], row[proj:]
            if times.size > 0:
                time = times[t, b]
                for j in range(hidden):
                    gate[j] += f_to_g[j] * time
            for j in range(hidden):
                gate[j] = sigmoid(gate[j])
            for j in range(2 * hidden):
                row[j] = tanh(row[j])
            g, h = row[:hidden], row[hidden : 2 * hidden]
            for j in range(hidden):
                after[j] = g[j] + gate[j] * (h[j] - g[j])
            for j in range(hidden):
                y[j] += after[j]
            if t + 1 < steps:
                if resets.size > 0 and resets[t + 1, b]:
                    before[t + 1, b, start:] = 0
                else:
                    before[t + 1, b, start:] = after


@compiled(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1],"
    " boolean[:, ::1], float32[:, ::1], float32[:, :, ::1], float32[:, ::1])"
)
def scan_backward(
    grad_y: Array,
    grad_states: Array,
    weight: Array,
    heads: Array,
    resets: NDArray[np.bool_],
    times: Array,
    grad_heads: Array,
    grad_state: Array,
) -> None:
    """Runs the recurrence of `velora.models.lnn.cfc.scan` backward.

    Args:
        grad_y: (T, B, H), or (0, 0, 0) where there is none.
        grad_states: (T, B, H), or (0, 0, 0) where there is none.
        weight: (H, N·H), transposed.
        heads: (T, B, N·H), as `scan_forward` left them; y is not read.
        resets: as in `scan_forward`.
        times: as in `scan_forward`.
        grad_heads: (T, B, N·H) to fill.
        grad_state: (B, H) to fill.
    """
    steps, batch, size = heads.shape
    hidden = grad_state.shape[1]
    proj = size - hidden
    last = proj - hidden
    grad_state[:, :] = 0
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            row, grad, now = heads[t, b], grad_heads[t, b], grad_state[b]
            g, h, gate = row[:hidden], row[hidden : 2 * hidden], row[last:proj]
            to_y = grad[proj:]
            if grad_y.size > 0:
                to_y[:] = grad_y[t, b]
                for j in range(hidden):
                    now[j] += to_y[j]
            else:
                to_y[:] = 0
            if grad_states.size > 0:
                from_outside = grad_states[t, b]
                for j in range(hidden):
                    now[j] += from_outside[j]
            to_g, to_h = grad[:hidden], grad[hidden : 2 * hidden]
            for j in range(hidden):
                to_g[j] = now[j] * (_ONE - gate[j]) * (_ONE - g[j] * g[j])
            for j in range(hidden):
                to_h[j] = now[j] * gate[j] * (_ONE - h[j] * h[j])
            to_f = grad[last:proj]
            for j in range(hidden):
                to_f[j] = now[j] * (h[j] - g[j]) * gate[j] * (_ONE - gate[j])
            if times.size > 0:
                time, to_f_to_g = times[t, b], grad[2 * hidden : 3 * hidden]
                for j in range(hidden):
                    to_f_to_g[j] = to_f[j] * time
            now[:] = 0
        add_product_of_transposed(grad_state, grad_heads[t], 0, weight)
        if resets.size > 0:
            for b in range(batch):
                if resets[t, b]:
                    grad_state[b, :] = 0
