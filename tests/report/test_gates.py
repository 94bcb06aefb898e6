"""A trace has the gates and time constants of each step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recurrent_agents import TIMED, Ragged, make_model
from traced import kind

from velora.models.lnn.gates import gate_and_time_constant
from velora.report import trace


@pytest.mark.parametrize("name", ["liquid", "gated-leaky", "window"])
def test_trace_has_the_gates_of_each_step(name: str) -> None:
    model = kind(name)
    found = trace(model, model.get_env(), n_episodes=2, seed=3)
    assert found.gates.shape == found.time_constants.shape == found.states[0].shape
    assert ((found.gates > 0) & (found.gates < 1)).all()
    assert (found.time_constants > 0).all()
    if name == "gated-leaky":
        before = np.roll(found.states[0], 1, axis=0)
        before[found.episode_starts] = 0
        x, h = torch.from_numpy(found.neurons["inter"]), torch.from_numpy(before)
        gate, _ = gate_and_time_constant(model.policy.networks["pi"].command, x, h)
        np.testing.assert_allclose(found.gates, gate.detach(), atol=1e-6)


def test_gates_are_those_of_the_observed_times() -> None:
    env = Ragged(TIMED, "box")
    model = make_model(
        env,
        policy_kwargs={"network": "gated-leaky", "n_neurons": 12, "timespan_key": "dt"},
    )
    found = trace(model, Ragged(TIMED, "box"), n_episodes=2, seed=3)
    times = found.observations["dt"]
    expected = -np.expm1(-times / found.time_constants)
    np.testing.assert_allclose(found.gates, expected, rtol=1e-3, atol=1e-5)
    assert np.ptp(times) > 1
