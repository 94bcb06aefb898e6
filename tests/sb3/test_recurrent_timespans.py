"""Irregular time reaches the cell of a recurrent network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from recurrent_agents import (
    FLAT,
    TIMED,
    assert_same_behaviour,
    follow,
    learn,
    make_model,
    ragged,
    sequence,
)
from sb3_contrib import RecurrentPPO

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("network", ["liquid", "test-pair"])
def test_time_since_the_last_step_reaches_the_cell_and_is_no_feature(
    network: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    space = spaces.Dict(obs=FLAT, dt=spaces.Box(0, 5, shape, np.float32))
    options = {"timespan_key": "dt", "network": network}
    model = learn(make_model(ragged(space), policy_kwargs=options))
    pi = model.policy.networks["pi"]
    assert (pi.in_features if network == "liquid" else pi.cell.input_size) == 3
    obs = sequence(model)
    actions, _ = follow(model, obs)
    faster, _ = follow(model, [now | {"dt": now["dt"] / 2} for now in obs])
    assert (faster != actions).any(axis=(0, 2)).all()
    even, _ = follow(model, [now | {"dt": np.ones_like(now["dt"])} for now in obs])
    outputs, _ = pi.forward_sequence(torch.as_tensor(np.stack([o["obs"] for o in obs])))
    np.testing.assert_allclose(even, outputs.detach().clip(-1, 1), atol=1e-6)
    model.save(tmp_path / "agent.zip")
    loaded = RecurrentPPO.load(tmp_path / "agent.zip", ragged(space), device="cpu")
    assert_same_behaviour(model, loaded)
    learn(loaded)


@pytest.mark.parametrize(
    ("space", "key"),
    [
        (FLAT, "dt"),
        (TIMED, "nope"),
        (spaces.Dict(obs=FLAT, dt=spaces.Box(0, 5, (2,), np.float32)), "dt"),
        (spaces.Dict(obs=FLAT, dt=spaces.Discrete(5)), "dt"),
        (spaces.Dict(dt=spaces.Box(0, 5, (1,), np.float32)), "dt"),
    ],
)
def test_timespans_that_are_not_there_are_refused(space: Any, key: str) -> None:
    with pytest.raises(ValueError, match=f"`timespan_key`.*'{key}'"):
        make_model(ragged(space), policy_kwargs={"timespan_key": key})


def test_network_without_timespans_is_refused_where_they_are_given() -> None:
    options = {"network": "test-growing", "timespan_key": "dt"}
    with pytest.raises(TypeError, match="'test-growing' must take `timespans`"):
        make_model(ragged(TIMED), policy_kwargs=options)
