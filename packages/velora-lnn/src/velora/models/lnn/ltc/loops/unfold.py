"""One unfold of the solver, forward and backward, and what a time is to it."""

from __future__ import annotations

import numpy as np

from velora.models.lnn.compiled.dialect import Array, compiled, inlined

_ONE = np.float32(1)


@compiled(
    "void(float32[:, ::1], float32[:, ::1], int64, int64, float32[::1],"
    " float32[:, ::1], float32[:, ::1])"
)
def fill_pace(
    neurons: Array,
    times: Array,
    t: int,
    unfolds: int,
    ratio: Array,
    held: Array,
    rate: Array,
) -> None:
    """Fills what a time is made of: how potentials are held, and how fast they move.

    Args:
        neurons: (3, H).
        times: (T, B), or (0, 0) where each is 1.
        t: the step.
        unfolds: steps of the solver.
        ratio: (B,) to fill with 1 / (1 + time), or 1.
        held: (H, B) to fill with that times capacitance and unfolds.
        rate: (H, B) to fill with time / (1 + time), or 1.
    """
    for b in range(ratio.size):
        ratio[b] = _ONE / (_ONE + times[t, b]) if times.size > 0 else _ONE
    for n in range(len(held)):
        capacitance = neurons[2, n] * np.float32(unfolds)
        for b in range(ratio.size):
            held[n, b] = capacitance * ratio[b]
            rate[n, b] = times[t, b] * ratio[b] if times.size > 0 else _ONE


@inlined
def solve(
    before: Array,
    current: Array,
    conductance: Array,
    held: Array,
    rate: Array,
    after: Array,
) -> None:
    """Fills the potentials after an unfold; all of it (H·B,)."""
    for i in range(after.size):
        moved = held[i] * before[i] + rate[i] * current[i]
        after[i] = moved / (held[i] + rate[i] * conductance[i])


@inlined
def add_of_rate(
    now: Array,
    after: Array,
    conductance: Array,
    current: Array,
    held: Array,
    rate: Array,
    of_rate: Array,
) -> None:
    """Adds the gradient of the rates in an unfold; all of it (H·B,)."""
    for i in range(now.size):
        up = now[i] / (held[i] + rate[i] * conductance[i])
        of_rate[i] += up * (current[i] - after[i] * conductance[i])


@inlined
def solve_backward(
    now: Array,
    before: Array,
    after: Array,
    conductance: Array,
    held: Array,
    rate: Array,
    to_current: Array,
    to_conductance: Array,
    of_held: Array,
) -> None:
    """Fills the gradients of an unfold; `now` is that of its states; all (H·B,)."""
    for i in range(now.size):
        up = now[i] / (held[i] + rate[i] * conductance[i])
        of_held[i] += up * (before[i] - after[i])
        to_current[i] = rate[i] * up
        to_conductance[i] = -to_current[i] * after[i]
        now[i] = held[i] * up
