"""Saving, loading and going on: an agent of MemoryPPO stays what it is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from memory_agents import CRITICS, Observed, learn, make_model, masked, ragged
from recurrent_agents import (
    TIMED,
    assert_same_behaviour,
    assert_same_weights,
    follow,
    sequence,
)
from stable_baselines3.common.vec_env import VecNormalize

from velora.sb3 import MemoryPPO
from velora.sb3.common import network_defaults

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", ["gated-leaky", "test-learned", "lstm"])
def test_loaded_agent_and_policy_behave_as_the_saved_one(
    network: str, critic: str, tmp_path: Path
) -> None:
    options = {"network": network, "critic": critic}
    model = learn(make_model(policy_kwargs=options, sequence_length=12))
    model.save(tmp_path / "agent")
    loaded = MemoryPPO.load(tmp_path / "agent", device="cpu")
    assert loaded.sequence_length == 12
    assert_same_behaviour(model, loaded)
    assert_same_weights(model.policy, loaded.policy)
    model.policy.save(tmp_path / "policy")
    policy = type(model.policy).load(tmp_path / "policy", device="cpu")
    got, _ = follow(policy, sequence(model))
    np.testing.assert_array_equal(got, follow(model, sequence(model))[0])
    other = make_model(policy_kwargs=options, seed=2)
    other.set_parameters(tmp_path / "agent")
    assert_same_behaviour(model, other)


def test_learning_goes_on_after_loading_as_without(tmp_path: Path) -> None:
    def env() -> Any:
        return VecNormalize(ragged(TIMED), norm_obs_keys=["obs"])

    options = {"timespan_key": "dt"}
    model = learn(make_model(env(), policy_kwargs=options, target_kl=0.5))
    model.save(tmp_path / "agent")
    loaded = MemoryPPO.load(tmp_path / "agent", env=env(), device="cpu")
    for each in (model, loaded):
        each.set_env(env())
        each.set_random_seed(9)
        learn(each)
    assert_same_weights(model.policy, loaded.policy)
    assert model.num_timesteps == loaded.num_timesteps


def test_states_are_not_saved(tmp_path: Path) -> None:
    model = learn(make_model())
    assert model._states.pi[0].any()
    model.save(tmp_path / "agent.zip")
    with zipfile.ZipFile(tmp_path / "agent.zip") as archive:
        saved = json.loads(archive.read("data"))
    assert "_last_obs" in saved
    assert "_states" not in saved
    loaded = MemoryPPO.load(tmp_path / "agent.zip", env=ragged(), device="cpu")
    assert loaded._states is None
    learn(loaded)


def test_agent_keeps_its_defaults_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learn(MemoryPPO("LiquidPolicy", ragged(), 1e-3, 24, 24, device="cpu"))
    model.save(tmp_path / "agent")
    changed = {"liquid": {role: {"n_neurons": 20} for role in network_defaults.ROLES}}
    monkeypatch.setitem(network_defaults.DEFAULTS, network_defaults.MEMORY, changed)
    assert_same_behaviour(model, MemoryPPO.load(tmp_path / "agent", device="cpu"))
    fresh = MemoryPPO("LiquidPolicy", ragged(), 1e-3, 24, 24, device="cpu")
    assert fresh.policy.networks["pi"].n_neurons == 20


@pytest.mark.parametrize("key", [None, "valid"])
def test_agent_with_masks_stays_one(key: str | None, tmp_path: Path) -> None:
    env = masked() if key is None else masked(kind=Observed)
    model = learn(
        make_model(env, policy_kwargs={} if key is None else {"mask_key": key})
    )
    model.save(tmp_path / "agent")
    loaded = MemoryPPO.load(tmp_path / "agent", env=env, device="cpu")
    assert (loaded.policy.masked, loaded.policy.mask_key) == (key is None, key)
    learn(loaded)
    model.policy.save(tmp_path / "policy")
    policy = type(model.policy).load(tmp_path / "policy", device="cpu")
    assert (policy.masked, policy.mask_key) == (key is None, key)


def test_schedules_and_other_settings_are_ppos() -> None:
    model = make_model(
        learning_rate=lambda left: 1e-3 * left,
        clip_range=lambda left: 0.1 * left,
        clip_range_vf=0.2,
        ent_coef=0.01,
        target_kl=1e-9,
    )
    learn(model)
    log = model.logger.name_to_value
    assert log["train/clip_range"] == 0.0
    assert log["train/learning_rate"] == 0.0
    # Of four: the divergence ends the first update, the last one's rate is zero.
    assert model._n_updates == 1 + 2
    assert torch.isfinite(torch.tensor(log["train/loss"]))
