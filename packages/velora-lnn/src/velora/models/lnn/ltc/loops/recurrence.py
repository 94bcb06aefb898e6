"""The recurrence of `velora.models.lnn.ltc.scan`; `step` has its equations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.compiled.dialect import Array, compiled, inlined
from velora.models.lnn.ltc.loops.synapses import (
    Indices,
    add_currents,
    add_gradients,
    fill_activity,
)
from velora.models.lnn.ltc.step import LEAST

_ZERO, _ONE, _LEAST = np.float32(0), np.float32(1), np.float32(LEAST)
# What stands for an argument that is not there.
NO_RESETS = np.empty((0, 0), dtype=np.bool_)
NO_TIMES = np.empty((0, 0), dtype=np.float32)


@inlined
def _held(times: Array, t: int, b: int) -> np.float32:
    """Returns what a potential is held by, apart from its capacitance."""
    return np.float32(_ONE / (_ONE + times[t, b]) if times.size > 0 else _ONE)


@inlined
def _rate(times: Array, t: int, b: int) -> np.float32:
    """Returns the rate at which it is moved."""
    return np.float32(times[t, b] / (_ONE + times[t, b]) if times.size > 0 else _ONE)


@compiled(
    "void(float32[:, :, ::1], float32[:, ::1],"
    " float32[:, ::1], int64[::1], int64[::1],"
    " float32[:, ::1], int64[::1], int64[::1],"
    " float32[:, ::1], boolean[:, ::1],"
    " float32[:, :, :, ::1], float32[:, :, :, ::1], float32[:, :, :, ::1])"
)
def scan_forward(
    inputs: Array,
    neurons: Array,
    sensory: Array,
    sensory_starts: Indices,
    sensory_sources: Indices,
    recurrent: Array,
    starts: Indices,
    sources: Indices,
    times: Array,
    resets: NDArray[np.bool_],
    trail: Array,
    currents: Array,
    conductances: Array,
) -> None:
    """Runs the recurrence forward.

    Args:
        inputs: (T, F, B).
        neurons: (3, H) leak, leak potential and capacitance.
        sensory: (4, K) weights, reversal potentials, µ and σ of synapses from inputs.
        sensory_starts: (H + 1,) where the synapses onto each neuron start.
        sensory_sources: (K,) where they come from.
        recurrent: (4, L) the same of synapses from other neurons.
        starts: (H + 1,).
        sources: (L,).
        times: (T, B), or (0, 0) where each is 1.
        resets: (T, B), or (0, 0) where there are none.
        trail: (T, U + 1, H, B) to fill with the states before each unfold, and after
            the last one; the very first is given, before its reset.
        currents: (T, U, H, B) to fill.
        conductances: (T, U, H, B) to fill.
    """
    steps, unfolds, hidden, batch = currents.shape
    of_inputs = np.empty((len(sensory_sources), batch), dtype=np.float32)
    activity = np.empty((len(sources), batch), dtype=np.float32)
    from_inputs = np.empty((hidden, batch), dtype=np.float32)
    through_inputs = np.empty((hidden, batch), dtype=np.float32)
    held = np.empty(batch, dtype=np.float32)
    rate = np.empty(batch, dtype=np.float32)
    for t in range(steps):
        if t > 0:
            trail[t, 0] = trail[t - 1, unfolds]
        for b in range(batch):
            held[b], rate[b] = _held(times, t, b), _rate(times, t, b)
            if resets.size > 0 and resets[t, b]:
                trail[t, 0, :, b] = 0
        for n in range(hidden):
            from_inputs[n] = neurons[0, n] * neurons[1, n]
            through_inputs[n] = neurons[0, n] + _LEAST
        fill_activity(inputs[t], sensory, sensory_sources, of_inputs)
        add_currents(sensory, sensory_starts, of_inputs, from_inputs, through_inputs)
        for u in range(unfolds):
            current, conductance = currents[t, u], conductances[t, u]
            current[:, :] = from_inputs
            conductance[:, :] = through_inputs
            fill_activity(trail[t, u], recurrent, sources, activity)
            add_currents(recurrent, starts, activity, current, conductance)
            for n in range(hidden):
                before, after = trail[t, u, n], trail[t, u + 1, n]
                into, through = current[n], conductance[n]
                capacitance = neurons[2, n] * np.float32(unfolds)
                for b in range(batch):
                    stays = capacitance * held[b]
                    moved = stays * before[b] + rate[b] * into[b]
                    after[b] = moved / (stays + rate[b] * through[b])


@compiled(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1],"
    " float32[:, ::1], int64[::1], int64[::1],"
    " float32[:, ::1], int64[::1], int64[::1],"
    " float32[:, ::1], boolean[:, ::1],"
    " float32[:, :, :, ::1], float32[:, :, :, ::1], float32[:, :, :, ::1],"
    " float32[:, :, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1],"
    " float32[:, ::1], float32[:, ::1])"
)
def scan_backward(
    grad_states: Array,
    inputs: Array,
    neurons: Array,
    sensory: Array,
    sensory_starts: Indices,
    sensory_sources: Indices,
    recurrent: Array,
    starts: Indices,
    sources: Indices,
    times: Array,
    resets: NDArray[np.bool_],
    trail: Array,
    currents: Array,
    conductances: Array,
    grad_inputs: Array,
    grad_state: Array,
    grad_neurons: Array,
    grad_sensory: Array,
    grad_recurrent: Array,
    grad_times: Array,
) -> None:
    """Runs the recurrence backward; activities of synapses are computed once more.

    Args:
        grad_states: (T, H, B).
        inputs: as all up to `conductances` were for `scan_forward`, or left by it.
        neurons: (3, H).
        sensory: (4, K).
        sensory_starts: (H + 1,).
        sensory_sources: (K,).
        recurrent: (4, L).
        starts: (H + 1,).
        sources: (L,).
        times: (T, B).
        resets: (T, B).
        trail: (T, U + 1, H, B).
        currents: (T, U, H, B).
        conductances: (T, U, H, B).
        grad_inputs: (T, F, B), zeros to add to.
        grad_state: (H, B), zeros to add to.
        grad_neurons: (3, H), zeros to add to.
        grad_sensory: (4, K), zeros to add to.
        grad_recurrent: (4, L), zeros to add to.
        grad_times: (T, B) to fill where there are times, else (0, 0).
    """
    steps, unfolds, hidden, batch = currents.shape
    of_inputs = np.empty((len(sensory_sources), batch), dtype=np.float32)
    activity = np.empty((len(sources), batch), dtype=np.float32)
    to_current = np.empty((hidden, batch), dtype=np.float32)
    to_conductance = np.empty((hidden, batch), dtype=np.float32)
    of_step = np.empty((2, hidden, batch), dtype=np.float32)
    held = np.empty(batch, dtype=np.float32)
    rate = np.empty(batch, dtype=np.float32)
    of_time = np.empty(batch, dtype=np.float32)
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            held[b], rate[b] = _held(times, t, b), _rate(times, t, b)
            of_time[b] = 0
        for n in range(hidden):
            now, outside = grad_state[n], grad_states[t, n]
            for b in range(batch):
                now[b] += outside[b]
        of_step[:] = 0
        for u in range(unfolds - 1, -1, -1):
            for n in range(hidden):
                before, after = trail[t, u, n], trail[t, u + 1, n]
                into, through = currents[t, u, n], conductances[t, u, n]
                now, of_current, of_conductance = (
                    grad_state[n],
                    to_current[n],
                    to_conductance[n],
                )
                step_current, step_conductance = of_step[0, n], of_step[1, n]
                capacitance = neurons[2, n] * np.float32(unfolds)
                to_capacitance = _ZERO
                for b in range(batch):
                    stays = capacitance * held[b]
                    up = now[b] / (stays + rate[b] * through[b])
                    down = -up * after[b]
                    of_held = up * before[b] + down
                    to_capacitance += of_held * held[b]
                    of_rate = up * into[b] + down * through[b]
                    of_time[b] += of_rate - capacitance * of_held
                    of_current[b] = rate[b] * up
                    of_conductance[b] = rate[b] * down
                    step_current[b] += of_current[b]
                    step_conductance[b] += of_conductance[b]
                    now[b] = stays * up
                grad_neurons[2, n] += to_capacitance * np.float32(unfolds)
            fill_activity(trail[t, u], recurrent, sources, activity)
            add_gradients(
                to_current,
                to_conductance,
                trail[t, u],
                recurrent,
                starts,
                sources,
                activity,
                grad_state,
                grad_recurrent,
            )
        fill_activity(inputs[t], sensory, sensory_sources, of_inputs)
        add_gradients(
            of_step[0],
            of_step[1],
            inputs[t],
            sensory,
            sensory_starts,
            sensory_sources,
            of_inputs,
            grad_inputs[t],
            grad_sensory,
        )
        for n in range(hidden):
            of_current, of_conductance = of_step[0, n], of_step[1, n]
            current, conductance = _ZERO, _ZERO
            for b in range(batch):
                current += of_current[b]
                conductance += of_conductance[b]
            grad_neurons[0, n] += current * neurons[1, n] + conductance
            grad_neurons[1, n] += current * neurons[0, n]
        for b in range(batch):
            if times.size > 0:
                grad_times[t, b] = of_time[b] * held[b] * held[b]
            if resets.size > 0 and resets[t, b]:
                grad_state[:, b] = 0
