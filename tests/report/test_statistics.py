"""What is slow, dead or saturated, of activities that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from velora.report import Trace
from velora.report.html.statistics import Neuron, neurons_of, slowest

STEPS = np.arange(400)


def traced(**layers: np.ndarray) -> Trace:
    """Makes a trace of activities, whatever an agent would do."""
    cell = {name: layers.pop(name, None) for name in ("gates", "time_constants")}
    return Trace(
        role="pi",
        seed=0,
        observations=np.zeros((400, 1)),
        actions=np.zeros(400),
        rewards=np.zeros(400),
        episode_starts=STEPS == 0,
        neurons={name: rows.astype(np.float32) for name, rows in layers.items()},
        **cell,
    )


def columns(*rows: np.ndarray) -> np.ndarray:
    return np.stack(rows, axis=1)


def by_index(neurons: list[Neuron], layer: str) -> dict[int, Neuron]:
    return {each.index: each for each in neurons if each.layer == layer}


def test_autocorrelation_tells_how_long_activity_lasts() -> None:
    random = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * STEPS / 40)
    noise = random.normal(size=400)
    motor = columns(wave, noise, np.ones(400))
    found = by_index(neurons_of(traced(inter=motor, motor=motor)), "motor")
    # A cosine falls to 1/e at acos(1/e) of its period, the ends of a window aside.
    assert found[0].lasts == pytest.approx(40 * math.acos(1 / math.e) / 2 / np.pi, 0.05)
    assert found[1].lasts < 1
    assert found[2].lasts == math.inf


def test_layers_are_sorted_with_the_slowest_first() -> None:
    waves = columns(*(np.sin(STEPS / period) for period in (3, 30, 10)))
    found = neurons_of(traced(sensory=waves, motor=waves))
    order = [(each.layer, each.index) for each in found]
    assert order == [(layer, i) for layer in ("sensory", "motor") for i in (1, 2, 0)]


def test_dead_neurons_hardly_move_beside_others() -> None:
    wave = np.sin(STEPS)
    inter = columns(wave, 0.005 * wave + 7, 0.02 * wave)
    found = by_index(neurons_of(traced(inter=inter, motor=inter)), "inter")
    assert [found[i].is_dead for i in range(3)] == [False, True, False]


def test_cells_have_time_constants_gates_and_saturation() -> None:
    wave = np.sin(STEPS)
    command = columns(wave, wave, wave, wave)
    gates = columns(
        np.full(400, 0.5),
        np.where(STEPS < 390, 0.99, 0.5),
        np.where(STEPS < 390, 0.01, 0.5),
        np.where(STEPS % 2 == 0, 0.99, 0.01),
    )
    constants = columns(
        np.full(400, 2.0), STEPS / 100, np.full(400, np.inf), np.full(400, 0.5)
    )
    seen = traced(
        sensory=command[:, :1],
        inter=command,
        command=command,
        motor=command,
        gates=gates,
        time_constants=constants,
    )
    neurons = neurons_of(seen)
    found = by_index(neurons, "command")
    saturated = [found[i].is_saturated for i in range(4)]
    assert saturated == [False, True, True, False]
    assert [each.index for each in neurons if each.layer == "command"] == [2, 0, 1, 3]
    spread = found[1].time_constant
    assert spread is not None
    assert (spread.low, spread.high) == pytest.approx((0.2, 3.8), abs=0.05)
    assert spread.median == pytest.approx(2, abs=0.05)
    assert all(each.gate is None for each in neurons if each.layer != "command")
    assert [each.index for each in slowest(neurons)] == [2, 0, 1, 3]


def test_slowest_are_alive_and_between_sensors_and_motors() -> None:
    slow, fast = np.sin(STEPS / 40), np.sin(STEPS / 2)
    layers = {
        "sensory": columns(slow),
        "inter": columns(fast, 0.001 * slow),
        "command": columns(slow),
        "motor": columns(slow),
    }
    found = [(each.layer, each.index) for each in slowest(neurons_of(traced(**layers)))]
    assert found == [("command", 0), ("inter", 0)]


def test_one_step_can_be_told_nothing_of() -> None:
    rows = np.zeros((1, 2), np.float32)
    seen = Trace("pi", 0, rows, rows, rows[:, 0], np.ones(1, bool), {"motor": rows})
    assert [each.lasts for each in neurons_of(seen)] == [math.inf, math.inf]
