"""Paths add up to what the network does, and lead to the action that was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import make_agent, make_env
from traced import KINDS, assert_untouched, content, kind

import velora.report.html.paths as module
from velora.models.lnn.taps import STATE, tapped
from velora.report import influence, trace
from velora.report.acting import acting_of
from velora.report.html.paths import chosen_motors, motors_of_steps, reasons
from velora.report.influence import inputs_of

SENSORY = "sensory"


@pytest.mark.parametrize("name", KINDS)
def test_sums_are_the_slopes_of_what_is_read_last(name: str) -> None:
    model = kind(name)
    acting, seen = acting_of(model), trace(model, model.get_env(), seed=3)
    before = content(model.policy)
    found = reasons(acting, seen)
    assert_untouched(model.policy, before)
    n_calls = 4 if name == "window" else 1
    shares = torch.from_numpy(chosen_motors(acting, seen))
    expected = {
        read: slope_of(acting, seen, shares, read, n_calls) for read in (SENSORY, STATE)
    }
    for step, parts in enumerate(found):
        for part, reason in enumerate(parts):
            sensed = expected[SENSORY][step, part]
            assert reason.of_sensors == pytest.approx(sensed, rel=1e-3, abs=1e-5)
            if reason.of_memory is None:
                assert name in ("feed-forward", "normalised")
            else:
                kept = expected[STATE][step, part]
                assert reason.of_memory == pytest.approx(kept, rel=1e-3, abs=1e-5)


def slope_of(
    acting: Any, seen: Any, shares: torch.Tensor, name: str, n_calls: int
) -> np.ndarray:
    """Returns how the parts of an action grow with all that is read, in proportion."""
    factor = torch.ones(len(seen), requires_grad=True)
    calls = 0

    def tap(read: str, x: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        if read != name:
            return x
        if x.dim() == 3:
            return torch.cat((x[:-1], x[-1:] * factor[:, None]))
        calls += 1
        return x * factor[:, None] if calls == n_calls or read == SENSORY else x

    inputs = inputs_of(acting, seen)
    with torch.enable_grad(), tapped(acting.network, tap):
        motor = motors_of_steps(acting, seen, inputs)
    parts = (motor[:, None] * shares).sum(dim=2)
    slopes = [
        torch.autograd.grad(
            part.sum(), factor, retain_graph=True, materialize_grads=True
        )[0]
        for part in parts.unbind(dim=1)
    ]
    found: np.ndarray = torch.stack(slopes, dim=1).numpy()
    return found


@pytest.mark.parametrize("name", ["feed-forward", "normalised"])
def test_means_over_steps_are_influence(name: str) -> None:
    model = kind(name)
    seen = trace(model, model.get_env(), seed=3)
    said = influence(model, seen).neurons["sensory"].sum(axis=0)
    found = reasons(acting_of(model), seen)
    sums = np.mean([[r.of_sensors for r in parts] for parts in found], axis=0)
    np.testing.assert_allclose(sums, said[: len(sums)], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_all_paths_add_up_and_the_strongest_come_first(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = kind(name)
    acting, seen = acting_of(model), trace(model, model.get_env(), seed=3)
    few = reasons(acting, seen)
    monkeypatch.setattr(module, "N_PATHS", 10**6)
    for some, parts in zip(few, reasons(acting, seen), strict=True):
        for reason, whole in zip(some, parts, strict=True):
            effects = [path.effect for path in whole.paths]
            assert sum(effects) == pytest.approx(whole.of_sensors, rel=1e-3, abs=1e-5)
            assert np.all(np.diff(np.abs(effects)) <= 1e-7)
            assert reason.paths == whole.paths[: len(reason.paths)]


def test_paths_follow_synapses() -> None:
    model = make_agent()
    acting = acting_of(model)
    masks = acting.wired.masks
    seen = trace(model, make_env(actions="box"), seed=3)
    for parts in reasons(acting, seen):
        for motor, reason in enumerate(parts):
            for path in reason.paths:
                sensor, inter, command = path.neurons
                assert masks.inter[sensor, inter]
                assert masks.command[inter, command]
                assert masks.motor[command, motor]


@pytest.mark.parametrize(
    ("algorithm", "actions"),
    [
        ("PPO", "discrete"),
        ("PPO", "multi_discrete"),
        ("PPO", "multi_binary"),
        ("SAC", "box"),
        ("DQN", "discrete"),
        ("QRDQN", "discrete"),
    ],
)
def test_parts_are_made_by_the_motor_neurons_of_the_action(
    algorithm: str, actions: str
) -> None:
    model = make_agent(algorithm, actions=actions)
    seen = trace(model, make_env(actions=actions), seed=3)
    shares = chosen_motors(acting_of(model), seen)
    np.testing.assert_allclose(shares.sum(axis=2), 1, rtol=1e-6)
    motor = seen.neurons["motor"]
    made = (shares * motor[:, None]).sum(axis=2)
    if actions == "discrete":  # the largest of all is chosen
        groups = motor.reshape(len(motor), -1, 4).mean(axis=1)
        np.testing.assert_allclose(made[:, 0], groups.max(axis=1), rtol=1e-5)
    elif actions == "multi_discrete":
        largest = [motor[:, :2].max(axis=1), motor[:, 2:].max(axis=1)]
        np.testing.assert_allclose(made, np.stack(largest, axis=1), rtol=1e-5)
    elif actions == "multi_binary":
        np.testing.assert_allclose(made, motor[:, :4], rtol=1e-5)
        np.testing.assert_array_equal(made > 0, seen.actions[:, :4] == 1)
    else:
        np.testing.assert_allclose(made, motor[:, :3], rtol=1e-5)
        squashed = np.tanh(made)
        np.testing.assert_allclose(squashed, seen.actions, rtol=1e-3, atol=1e-5)
