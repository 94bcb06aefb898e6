"""The recurrence of `velora.models.lnn.gated_leaky.scan`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.compiled.dialect import Array, compiled, inlined
from velora.models.lnn.compiled.elementary import exp, sigmoid, tanh
from velora.models.lnn.compiled.products import (
    add_product,
    add_product_of_transposed,
)

_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)
# What stands for an argument that is not there.
NO_RESETS = np.empty((0, 0), dtype=np.bool_)
NO_TIMES = np.empty((0, 0), dtype=np.float32)
NONE = np.empty((0, 0, 0), dtype=np.float32)


@inlined
def _softplus(x: np.float32) -> np.float32:
    """Computes log(1 + exp(x)) = max(x, 0) + log(1 + u) with u = exp(-|x|).

    The logarithm is 2·artanh(y) with y = u / (2 + u) of at most 1/3, by its series.
    """
    below = -x if x > 0 else x
    u = exp(np.float32(-87) if below < -87 else below)
    y = u / (_TWO + u)
    z = y * y
    p = np.float32(1 / 13) * z + np.float32(1 / 11)
    p = p * z + np.float32(1 / 9)
    p = p * z + np.float32(1 / 7)
    p = p * z + np.float32(1 / 5)
    p = p * z + np.float32(1 / 3)
    p = p * z + _ONE
    return np.float32((x if x > 0 else np.float32(0)) + _TWO * y * p)


@inlined
def _decayed(x: np.float32) -> np.float32:
    """Computes 1 - exp(-x) for x of 0 or more: to all digits near 0, 1 from 18 on."""
    half = tanh(_HALF * x)
    return np.float32(_TWO * half / (_ONE + half))


@compiled(
    "void(float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1], boolean[:, ::1],"
    " float32[:, ::1], float32[:, :, ::1], float32[:, :, ::1])"
)
def scan_forward(
    heads: Array,
    weight: Array,
    before: Array,
    resets: NDArray[np.bool_],
    times: Array,
    rates: Array,
    states: Array,
) -> None:
    """Runs the recurrence forward.

    Args:
        heads: (T, B, 3·H), what the inputs give to f, k and proj; overwritten by the
            gate, tanh k and y.
        weight: (3·H, H), or as (H, 3·H), transposed, which is faster for a small H.
        before: (T, B, W), whose last H columns are the states before each step, after
            its reset. Those of the first step are given, the others filled.
        resets: (T, B), or (0, 0) where there are none.
        times: (T, B), or (0, 0) where each is 1.
        rates: (T, B, H) to fill with softplus f where there are times, else (0, 0, 0).
        states: (T, B, H) to fill with the states after each step.
    """
    steps, batch, hidden = states.shape
    start = before.shape[2] - hidden
    for t in range(steps):
        if len(weight) == hidden:
            add_product(heads[t], before[t], start, weight)
        else:
            add_product_of_transposed(heads[t], before[t], start, weight)
        # Short loops over few arrays: only such become vector instructions.
        for b in range(batch):
            row, now, after = heads[t, b], before[t, b, start:], states[t, b]
            gate, k, y = row[:hidden], row[hidden : 2 * hidden], row[2 * hidden :]
            if times.size > 0:
                time, rate = times[t, b], rates[t, b]
                for j in range(hidden):
                    rate[j] = _softplus(gate[j])
                for j in range(hidden):
                    gate[j] = _decayed(time * rate[j])
            else:
                for j in range(hidden):
                    gate[j] = sigmoid(gate[j])
            for j in range(hidden):
                k[j] = tanh(k[j])
            for j in range(hidden):
                # From the nearer end: an open gate lets the target through, to the last
                # digit, and no rounding leads beyond it.
                way = k[j] - now[j]
                near = now[j] + gate[j] * way
                after[j] = near if gate[j] < _HALF else k[j] - (_ONE - gate[j]) * way
            for j in range(hidden):
                y[j] += after[j]
            if t + 1 < steps:
                if resets.size > 0 and resets[t + 1, b]:
                    before[t + 1, b, start:] = 0
                else:
                    before[t + 1, b, start:] = after


@compiled(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, ::1], boolean[:, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, ::1], float32[:, ::1], float32[:, ::1])"
)
def scan_backward(
    grad_y: Array,
    grad_states: Array,
    weight: Array,
    heads: Array,
    before: Array,
    resets: NDArray[np.bool_],
    times: Array,
    rates: Array,
    grad_heads: Array,
    grad_state: Array,
    grad_times: Array,
) -> None:
    """Runs the recurrence backward.

    Args:
        grad_y: (T, B, H), or (0, 0, 0) where there is none.
        grad_states: (T, B, H), or (0, 0, 0) where there is none.
        weight: (H, 3·H), transposed.
        heads: as `scan_forward` left them; y is not read.
        before: as `scan_forward` left them.
        resets: as in `scan_forward`.
        times: as in `scan_forward`.
        rates: as `scan_forward` left them.
        grad_heads: (T, B, 3·H) to fill.
        grad_state: (B, H) to fill.
        grad_times: (T, B) to fill where there are times, else (0, 0).
    """
    steps, batch, size = heads.shape
    hidden = grad_state.shape[1]
    start = before.shape[2] - hidden
    grad_state[:, :] = 0
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            row, grad = heads[t, b], grad_heads[t, b]
            now, state = grad_state[b], before[t, b, start:]
            gate, k = row[:hidden], row[hidden : 2 * hidden]
            to_f, to_k = grad[:hidden], grad[hidden : 2 * hidden]
            to_y = grad[2 * hidden : size]
            if grad_y.size > 0:
                to_y[:] = grad_y[t, b]
                for j in range(hidden):
                    now[j] += to_y[j]
            else:
                to_y[:] = 0
            if grad_states.size > 0:
                outside = grad_states[t, b]
                for j in range(hidden):
                    now[j] += outside[j]
            for j in range(hidden):
                to_f[j] = now[j] * (k[j] - state[j]) * (_ONE - gate[j])
            if times.size > 0:
                time, rate = times[t, b], rates[t, b]
                to_time = np.float32(0)
                for j in range(hidden):
                    to_time += to_f[j] * rate[j]
                grad_times[t, b] = to_time
                for j in range(hidden):  # 1 - exp(-softplus f) is sigmoid f
                    to_f[j] *= time * _decayed(rate[j])
            else:
                for j in range(hidden):
                    to_f[j] *= gate[j]
            for j in range(hidden):
                to_k[j] = now[j] * gate[j] * (_ONE - k[j] * k[j])
            for j in range(hidden):
                now[j] *= _ONE - gate[j]
        add_product_of_transposed(grad_state, grad_heads[t], 0, weight)
        if resets.size > 0:
            for b in range(batch):
                if resets[t, b]:
                    grad_state[b, :] = 0
