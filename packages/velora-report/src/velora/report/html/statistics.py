"""How fast neurons are, and which of them do nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from velora.report.trace import Trace

_STILL = 0.01  # the share of its layer's largest deviation below which one is dead
_OPEN, _MOST = 0.95, 0.95  # a gate is saturated beyond the first at most steps
_N_SLOWEST = 5


@dataclass(frozen=True)
class Range:
    """Where a number is in 90 % of the steps."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Neuron:
    """What the steps say of a neuron.

    Attributes:
        layer: "sensory", "inter", "command", "motor" or "state".
        index: its number there.
        lasts: steps in which its autocorrelation falls to 1/e; infinite where nothing
            changes.
        is_dead: whether it hardly moves, beside the others of its layer.
        time_constant: of a liquid cell's neuron, in steps or the unit of timespans.
        gate: of such a neuron, from 0 to 1.
        is_saturated: whether its gate is open, or shut, nearly all the time.
    """

    layer: str
    index: int
    lasts: float
    is_dead: bool
    time_constant: Range | None = None
    gate: Range | None = None
    is_saturated: bool = False

    @property
    def slowness(self) -> float:
        """Its median time constant or, where it has none, how long it lasts."""
        if self.time_constant is not None:
            return self.time_constant.median
        return self.lasts


def neurons_of(trace: Trace) -> list[Neuron]:
    """Returns the neurons of each layer, the slowest of a layer first.

    Of a network without neurons of ours these are the numbers of its state and its
    motor neurons.

    Args:
        trace: of one episode.
    """
    found = []
    for layer, rows in rows_of(trace).items():
        deviation = rows.std(axis=0)
        lasts = _lasts(rows)
        is_cell = layer == "command"
        neurons = [
            Neuron(
                layer=layer,
                index=index,
                lasts=float(lasts[index]),
                is_dead=bool(deviation[index] <= _STILL * deviation.max()),
                **(_of_cell(trace, index) if is_cell else {}),
            )
            for index in range(rows.shape[1])
        ]
        found += sorted(neurons, key=lambda neuron: -neuron.slowness)
    return found


def slowest(neurons: list[Neuron]) -> list[Neuron]:
    """Returns the slowest of those that decide: with time constants, if there are."""
    timed = [neuron for neuron in neurons if neuron.time_constant is not None]
    inner = [neuron for neuron in neurons if neuron.layer not in ("sensory", "motor")]
    moving = [neuron for neuron in timed or inner if not neuron.is_dead]
    return sorted(moving, key=lambda neuron: -neuron.slowness)[:_N_SLOWEST]


def rows_of(trace: Trace) -> dict[str, np.ndarray]:
    """Returns (N, n) activities by layer; of a foreign network its states are one."""
    if len(trace.neurons) > 1:
        return dict(trace.neurons)
    states = [np.reshape(state, (len(trace), -1)) for state in trace.states]
    both = {"state": np.concatenate(states, axis=1)} if states else {}
    return both | dict(trace.neurons)


def _lasts(rows: np.ndarray) -> np.ndarray:
    """Returns the lags at which the autocorrelation of each column falls to 1/e."""
    n_steps = len(rows)
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    power = np.abs(np.fft.rfft(centred, 2 * n_steps, axis=0)) ** 2
    products = np.fft.irfft(power, axis=0)[:n_steps]
    still = products[0] <= 1e-12 * np.maximum(1, (rows**2).sum(axis=0))
    correlation = products / np.where(still, 1.0, products[0])
    below = correlation < 1 / math.e
    # From the last lag above, along a line to the next one.
    lag = np.where(below.any(axis=0), below.argmax(axis=0), n_steps - 1)
    column = np.arange(rows.shape[1])
    before, after = correlation[lag - 1, column], correlation[lag, column]
    step = (before - 1 / math.e) / np.where(before > after, before - after, 1.0)
    found: np.ndarray = np.where(still, np.inf, lag - 1 + np.clip(step, 0, 1))
    return found


def _of_cell(trace: Trace, index: int) -> dict[str, Any]:
    if trace.gates is None or trace.time_constants is None:
        return {}
    gates = trace.gates[:, index]
    shut, open_ = (gates < 1 - _OPEN).mean(), (gates > _OPEN).mean()
    return {
        "time_constant": _range(trace.time_constants[:, index]),
        "gate": _range(gates),
        "is_saturated": bool(max(shut, open_) > _MOST),
    }


def _range(values: np.ndarray) -> Range:
    # Of sorted numbers, so that infinite ones make no NaN.
    at = np.sort(values)[
        [int(share * (len(values) - 1)) for share in (0.05, 0.5, 0.95)]
    ]
    return Range(*map(float, at))
