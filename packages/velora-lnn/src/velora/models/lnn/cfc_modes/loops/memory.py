"""The memory of `velora.models.lnn.cfc_modes.memory`, one step."""

from __future__ import annotations

import numpy as np

from velora.models.lnn.compiled.dialect import Array, compiled
from velora.models.lnn.compiled.elementary import sigmoid, tanh

_ONE = np.float32(1)


@compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1])")
def recall(gates: Array, raw: Array, before: Array, states: Array) -> None:
    """Goes one step of an LSTM.

    Args:
        gates: (B, 4·H), which become tanh(a) and the three open gates.
        raw: (B, 2·H) state and memory before the step.
        before: (B, H) to fill with the state that the cell starts from.
        states: (B, 2·H), the memory of which is filled.
    """
    hidden = before.shape[1]
    for b in range(len(before)):
        row, past, after = gates[b], raw[b, hidden:], states[b, hidden:]
        a, i = row[:hidden], row[hidden : 2 * hidden]
        f, o = row[2 * hidden : 3 * hidden], row[3 * hidden :]
        said = before[b]
        for j in range(hidden):
            a[j] = tanh(a[j])
        for j in range(hidden):
            f[j] += _ONE
        for j in range(hidden, row.size):
            row[j] = sigmoid(row[j])
        for j in range(hidden):
            after[j] = f[j] * past[j] + i[j] * a[j]
        for j in range(hidden):
            said[j] = o[j] * tanh(after[j])


@compiled(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1],"
    " float32[:, ::1])"
)
def recall_backward(
    now: Array, whole: Array, slopes: Array, out: Array, kept: Array
) -> None:
    """Turns derivatives of a step into gradients.

    Args:
        now: (B, H) gradient of the state that the cell started from.
        whole: (B, 2·H) gradient of state and memory after the step; the latter becomes
            that of the memory before it.
        slopes: (B, 4·H); become the gradients of the gates.
        out: (B, H); see `Recalled`.
        kept: (B, H); see there.
    """
    hidden = now.shape[1]
    for b in range(len(now)):
        memory, row, said = whole[b, hidden:], slopes[b], now[b]
        through, remains = out[b], kept[b]
        for j in range(hidden):
            memory[j] += said[j] * through[j]
        for n in range(3):
            block = row[n * hidden : (n + 1) * hidden]
            for j in range(hidden):
                block[j] *= memory[j]
        of_output = row[3 * hidden :]
        for j in range(hidden):
            of_output[j] *= said[j]
        for j in range(hidden):
            memory[j] *= remains[j]
