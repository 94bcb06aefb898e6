"""Agents that replay sequences, saved and loaded, with their buffer and without."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recurrent_agents import (
    TIMED,
    assert_same_behaviour,
    assert_same_weights,
    follow,
    sequence,
)
from replay_agents import Kind, collect
from stable_baselines3.common.vec_env import VecNormalize

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize("network", ["gated-leaky", "test-learned", "lstm"])
def test_loaded_agents_and_policies_behave_as_the_saved_ones(
    kind: Kind, network: str, tmp_path: Path
) -> None:
    model = kind.make(policy_kwargs={"network": network})
    model.learn(150)
    model.save(tmp_path / "agent")
    loaded = kind.algorithm.load(tmp_path / "agent", device="cpu")
    assert (loaded.sequence_length, loaded.burn_in) == (4, 3)
    assert_same_behaviour(model, loaded)
    assert_same_weights(model.policy, loaded.policy)
    model.policy.save(tmp_path / "policy")
    policy = type(model.policy).load(tmp_path / "policy", device="cpu")
    got, _ = follow(policy, sequence(model))
    np.testing.assert_array_equal(got, follow(model, sequence(model))[0])
    for part in model.policy.children():
        part.save(tmp_path / "part")
        assert_same_weights(part, type(part).load(tmp_path / "part", device="cpu"))


def test_learning_goes_on_after_loading_as_without(kind: Kind, tmp_path: Path) -> None:
    def env() -> Any:
        return VecNormalize(kind.env(TIMED), norm_obs_keys=["obs"])

    model = kind.make(env(), policy_kwargs={"timespan_key": "dt"})
    model.learn(150)
    model.save(tmp_path / "agent")
    model.save_replay_buffer(tmp_path / "buffer")
    loaded = kind.algorithm.load(tmp_path / "agent", env=env(), device="cpu")
    loaded.load_replay_buffer(tmp_path / "buffer")
    for each in (model, loaded):
        each.set_env(env())
        each.set_random_seed(9)
        each.learn(150)
    assert_same_weights(model.policy, loaded.policy)
    assert loaded._n_updates == model._n_updates > 10


def test_buffer_that_is_loaded_leads_to_no_step_of_now(
    kind: Kind, tmp_path: Path
) -> None:
    collect(kind.make(), 10).save_replay_buffer(tmp_path / "buffer")
    model = collect(kind.make(), 10)
    model.load_replay_buffer(tmp_path / "buffer")
    pos = model.replay_buffer.pos
    assert not model._last_episode_starts.all()  # episodes go on
    model.learn(3, reset_num_timesteps=False)
    assert model.replay_buffer.starts[pos].all()


def test_buffer_of_networks_of_another_size_is_refused(
    kind: Kind, tmp_path: Path
) -> None:
    larger = collect(kind.make(policy_kwargs={"n_neurons": 20}), 10)
    larger.save_replay_buffer(tmp_path / "buffer")
    model = kind.make(policy_kwargs={"n_neurons": 10})
    with pytest.raises(ValueError, match=r"shapes \[\(4,\).*; got \[\(8,\)"):
        model.load_replay_buffer(tmp_path / "buffer")


def test_agent_without_its_buffer_fills_one_before_it_learns(
    kind: Kind, tmp_path: Path
) -> None:
    model = kind.make()
    model.learn(150)
    model.save(tmp_path / "agent")
    loaded = kind.algorithm.load(tmp_path / "agent", env=kind.env(), device="cpu")
    loaded.learn(60, reset_num_timesteps=False)
    assert loaded._n_updates > model._n_updates


def test_states_are_not_saved(kind: Kind, tmp_path: Path) -> None:
    model = kind.make()
    model.learn(60)
    assert model._states[0][0].any()
    model.save(tmp_path / "agent.zip")
    with zipfile.ZipFile(tmp_path / "agent.zip") as archive:
        saved = json.loads(archive.read("data"))
    assert "_last_obs" in saved
    assert not {"_states", "_steps", "_previous"} & set(saved)
    # An agent that goes on in the middle of episodes starts from the beginning there.
    loaded = kind.algorithm.load(
        tmp_path / "agent.zip", env=model.get_env(), force_reset=False, device="cpu"
    )
    loaded.learn(3, reset_num_timesteps=False)
    assert loaded.replay_buffer.starts[0].all()
