"""The recurrence of `velora.models.lnn.ltc.scan`; `step` has its equations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from velora.models.lnn.compiled.dialect import Array, compiled
from velora.models.lnn.ltc.loops.synapses import (
    Indices,
    add_currents,
    add_gradients,
    fill_activity,
)
from velora.models.lnn.ltc.loops.unfold import (
    add_of_rate,
    fill_pace,
    solve,
    solve_backward,
)
from velora.models.lnn.ltc.step import LEAST

_ZERO, _LEAST = np.float32(0), np.float32(LEAST)
# What stands for an argument that is not there.
NO_RESETS = np.empty((0, 0), dtype=np.bool_)
NO_TIMES = np.empty((0, 0), dtype=np.float32)
NO_CURRENTS = np.empty((0, 0, 0, 0), dtype=np.float32)


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
    conductances: Array,
    currents: Array,
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
        conductances: (T, U, H, B) to fill.
        currents: (T, U, H, B) to fill, or (0, 0, 0, 0).
    """
    steps, unfolds, hidden, batch = conductances.shape
    shape, size = (hidden, batch), hidden * batch
    of_inputs = np.empty((len(sensory_sources), batch), dtype=np.float32)
    activity = np.empty((len(sources), batch), dtype=np.float32)
    from_inputs = np.empty(shape, dtype=np.float32)
    through_inputs = np.empty(shape, dtype=np.float32)
    current = np.empty(shape, dtype=np.float32)
    ratio = np.empty(batch, dtype=np.float32)
    held = np.empty(shape, dtype=np.float32)
    rate = np.empty(shape, dtype=np.float32)
    for t in range(steps):
        if t > 0:
            trail[t, 0] = trail[t - 1, unfolds]
        if resets.size > 0:
            for b in range(batch):
                if resets[t, b]:
                    trail[t, 0, :, b] = 0
        if t == 0 or times.size > 0:
            fill_pace(neurons, times, t, unfolds, ratio, held, rate)
        for n in range(hidden):
            from_inputs[n] = neurons[0, n] * neurons[1, n]
            through_inputs[n] = neurons[0, n] + _LEAST
        fill_activity(inputs[t], sensory, sensory_sources, of_inputs)
        add_currents(sensory, sensory_starts, of_inputs, from_inputs, through_inputs)
        for u in range(unfolds):
            current[:, :] = from_inputs
            conductances[t, u] = through_inputs
            fill_activity(trail[t, u], recurrent, sources, activity)
            add_currents(recurrent, starts, activity, current, conductances[t, u])
            if currents.size > 0:
                currents[t, u] = current
            solve(
                trail[t, u].reshape(size),
                current.reshape(size),
                conductances[t, u].reshape(size),
                held.reshape(size),
                rate.reshape(size),
                trail[t, u + 1].reshape(size),
            )


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
    conductances: Array,
    currents: Array,
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
        inputs: as all up to `currents` were for `scan_forward`, or left by it.
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
        conductances: (T, U, H, B).
        currents: (T, U, H, B), or (0, 0, 0, 0) where there are no times.
        grad_inputs: (T, F, B), zeros to add to.
        grad_state: (H, B), zeros to add to.
        grad_neurons: (3, H), zeros to add to.
        grad_sensory: (4, K), zeros to add to.
        grad_recurrent: (4, L), zeros to add to.
        grad_times: (T, B) to fill where there are times, else (0, 0).
    """
    steps, unfolds, hidden, batch = conductances.shape
    shape, size = (hidden, batch), hidden * batch
    of_inputs = np.empty((len(sensory_sources), batch), dtype=np.float32)
    activity = np.empty((len(sources), batch), dtype=np.float32)
    to_current = np.empty(shape, dtype=np.float32)
    to_conductance = np.empty(shape, dtype=np.float32)
    of_current = np.empty(shape, dtype=np.float32)  # of all unfolds of a step
    of_conductance = np.empty(shape, dtype=np.float32)
    of_held = np.empty(shape, dtype=np.float32)
    of_rate = np.empty(shape, dtype=np.float32)
    ratio = np.empty(batch, dtype=np.float32)
    held = np.empty(shape, dtype=np.float32)
    rate = np.empty(shape, dtype=np.float32)
    for t in range(steps - 1, -1, -1):
        if t == steps - 1 or times.size > 0:
            fill_pace(neurons, times, t, unfolds, ratio, held, rate)
        grad_state += grad_states[t]
        of_current[:] = 0
        of_conductance[:] = 0
        of_held[:] = 0
        of_rate[:] = 0
        for u in range(unfolds - 1, -1, -1):
            if currents.size > 0:
                add_of_rate(
                    grad_state.reshape(size),
                    trail[t, u + 1].reshape(size),
                    conductances[t, u].reshape(size),
                    currents[t, u].reshape(size),
                    held.reshape(size),
                    rate.reshape(size),
                    of_rate.reshape(size),
                )
            solve_backward(
                grad_state.reshape(size),
                trail[t, u].reshape(size),
                trail[t, u + 1].reshape(size),
                conductances[t, u].reshape(size),
                held.reshape(size),
                rate.reshape(size),
                to_current.reshape(size),
                to_conductance.reshape(size),
                of_held.reshape(size),
            )
            of_current += to_current
            of_conductance += to_conductance
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
            of_current,
            of_conductance,
            inputs[t],
            sensory,
            sensory_starts,
            sensory_sources,
            of_inputs,
            grad_inputs[t],
            grad_sensory,
        )
        if times.size > 0:
            grad_times[t] = 0
        for n in range(hidden):
            capacitance = neurons[2, n] * np.float32(unfolds)
            into, through, holding = _ZERO, _ZERO, _ZERO
            for b in range(batch):
                into += of_current[n, b]
                through += of_conductance[n, b]
                holding += of_held[n, b] * ratio[b]
            grad_neurons[0, n] += into * neurons[1, n] + through
            grad_neurons[1, n] += into * neurons[0, n]
            grad_neurons[2, n] += holding * np.float32(unfolds)
            if times.size > 0:
                for b in range(batch):
                    of_time = of_rate[n, b] - capacitance * of_held[n, b]
                    grad_times[t, b] += of_time * ratio[b] * ratio[b]
        if resets.size > 0:
            for b in range(batch):
                if resets[t, b]:
                    grad_state[:, b] = 0
