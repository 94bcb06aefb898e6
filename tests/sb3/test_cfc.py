"""The networks "cfc" and "cfc-layers", and mixed memory, in policies that remember."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recurrent_agents import (
    TIMED,
    assert_same_behaviour,
    follow,
    learn,
    make_model,
    ragged,
    sequence,
)

from velora.models import CfCLayersNetwork, CfCNetwork, LTCNetwork, MixedMemory
from velora.sb3 import MemoryPPO, networks_of

CASES: dict[str, tuple[dict[str, Any], type]] = {
    "cfc": ({"network": "cfc", "network_kwargs": {"mode": "no_gate"}}, CfCNetwork),
    "cfc-layers": ({"network": "cfc-layers"}, CfCLayersNetwork),
    "mixed cfc": (
        {"network": "cfc", "network_kwargs": {"mixed_memory": True}},
        CfCNetwork,
    ),
    "mixed cfc-layers": (
        {"network": "cfc-layers", "network_kwargs": {"mixed_memory": True}},
        CfCLayersNetwork,
    ),
    "mixed ltc": (
        {"network": "ltc", "network_kwargs": {"mixed_memory": True, "ode_unfolds": 2}},
        LTCNetwork,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_recurrent_ppo_learns_and_is_saved(case: str, tmp_path: Path) -> None:
    options, kind = CASES[case]
    options = options | {"n_neurons": 8}
    model = make_model(policy_kwargs=options)
    before = follow(model, sequence(model))[0]
    learn(model)
    assert not np.array_equal(follow(model, sequence(model))[0], before)
    network = model.policy.networks["pi"]
    if case.startswith("mixed"):
        assert networks_of(model, MixedMemory)
        network = network.network
    assert isinstance(network, kind)
    model.save(tmp_path / "agent.zip")
    assert_same_behaviour(model, type(model).load(tmp_path / "agent.zip", device="cpu"))


@pytest.mark.parametrize("case", ["cfc", "cfc-layers"])
def test_time_of_the_observations_is_that_of_the_cells(case: str) -> None:
    options = CASES[case][0] | {"n_neurons": 8, "timespan_key": "dt"}
    model = learn(make_model(ragged(TIMED), policy_kwargs=options))
    actions = []
    for dt in (0, 3):
        observations = sequence(model)
        for obs in observations:
            obs["dt"][:] = dt
        actions.append(follow(model, observations)[0])
    assert not np.array_equal(*actions)


def test_memory_ppo_learns_with_mixed_memory() -> None:
    options = CASES["mixed cfc"][0] | {"n_neurons": 8}
    settings: dict[str, Any] = {"n_steps": 16, "batch_size": 16, "n_epochs": 1}
    model = MemoryPPO("LiquidPolicy", ragged(), policy_kwargs=options, **settings)
    learn(model)
    assert networks_of(model, MixedMemory)
