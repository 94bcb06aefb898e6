"""Every algorithm, policy, observation and action space: what must hold for each."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from agents import (
    ALGORITHMS,
    OBSERVATIONS,
    POLICIES,
    learn,
    make_agent,
    predict,
    sparse_layers,
)
from torch import nn

TABLE = [
    (algorithm, policy, observations, actions)
    for algorithm, spec in ALGORITHMS.items()
    for policy, observations, actions in product(POLICIES, OBSERVATIONS, spec.actions)
    if observations not in spec.without
]


@pytest.mark.filterwarnings("ignore:A recurrent network has no memory here")
@pytest.mark.parametrize(("algorithm", "policy", "observations", "actions"), TABLE)
def test_agent_learns_obeys_its_wirings_and_is_saved(
    algorithm: str, policy: str, observations: str, actions: str, tmp_path: Path
) -> None:
    model = make_agent(algorithm, policy, observations, actions)
    networks = nn.ModuleList(model.policy.networks.values())
    before = [layer.weight.detach().clone() for layer in sparse_layers(networks)]
    learn(model)

    # What has a synapse has moved, what has none is zero, in target networks too.
    for layer, old in zip(sparse_layers(networks), before, strict=True):
        assert (layer.weight != old).any()
    for layer in sparse_layers(model.policy):
        assert not layer.weight[layer.mask == 0].any()

    actions_taken = predict(model)
    np.testing.assert_array_equal(predict(model), actions_taken)

    twin = learn(make_agent(algorithm, policy, observations, actions))
    states = model.policy.state_dict(), twin.policy.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])

    model.save(tmp_path / "agent.zip")
    torch.manual_seed(99)  # loading builds other wirings first
    loaded = type(model).load(tmp_path / "agent.zip", device="cpu")
    np.testing.assert_array_equal(predict(loaded), actions_taken)
    for role, network in model.policy.networks.items():
        assert loaded.policy.networks[role].wiring == network.wiring
