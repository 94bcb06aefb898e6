"""VecNormalize's statistics, baked in: the file takes what the environment gives."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurrent_agents
from agents import make_agent
from gymnasium import spaces
from recurrent_agents import Ragged
from side_by_side import assert_same, shaken
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from velora.onnx import OnnxAgent, export

WIDE = spaces.Box(np.array([-9, 100, 0]), np.array([-3, 900, 1e-3]), dtype=np.float64)
MIXED = spaces.Dict(obs=WIDE, kind=spaces.Discrete(3), plain=spaces.Box(-1, 1, (2,)))
WITH_MASK = spaces.Dict(obs=WIDE, dt=spaces.Box(0, 5, (1,), np.float32))


def environments(space: Any, **options: Any) -> VecNormalize:
    """Makes environments that have normalised observations for a while."""
    venv = VecNormalize(
        make_vec_env(lambda: Ragged(space, "box"), 3, seed=1), **options
    )
    venv.reset()
    for _ in range(30):
        venv.step(np.zeros((3, 3)))
    return venv


def raw(space: spaces.Space[Any]) -> spaces.Space[Any]:
    found = copy.deepcopy(space)
    found.seed(2)
    return found


@pytest.mark.parametrize("clip", [10.0, 0.8])
def test_statistics_of_the_models_environments_are_baked_in(
    clip: float, tmp_path: Path
) -> None:
    env = environments(WIDE, clip_obs=clip)
    model = shaken(SAC("NCPPolicy", env, buffer_size=10, device="cpu"))
    export(model, tmp_path / "policy.onnx")
    path = tmp_path / "policy.onnx"
    agent = assert_same(model, path, normalised=env.normalize_obs, space=raw(WIDE))
    assert agent.description.observations[0].dtype == "float64"


def test_entries_of_a_dict_are_normalised_that_are_named(tmp_path: Path) -> None:
    env = environments(MIXED, norm_obs_keys=["obs"])
    model = shaken(PPO("NCPPolicy", env, n_steps=8, batch_size=8, device="cpu"))
    path = tmp_path / "policy.onnx"
    export(model, path)
    assert_same(model, path, normalised=env.normalize_obs, space=raw(MIXED))


def test_statistics_of_a_file_are_baked_in(tmp_path: Path) -> None:
    env = environments(WITH_MASK, norm_obs_keys=["obs"])
    env.save(tmp_path / "statistics.pkl")
    plain = recurrent_agents.ragged(WITH_MASK)
    options = {"timespan_key": "dt"}
    model = shaken(recurrent_agents.make_model(plain, policy_kwargs=options))
    path = tmp_path / "policy.onnx"
    for given in (tmp_path / "statistics.pkl", str(tmp_path / "statistics.pkl"), env):
        export(model, path, vec_normalize=given)
        assert_same(
            model, path, normalised=env.normalize_obs, space=raw(WITH_MASK), steps=15
        )


def test_statistics_stay_as_they_are_and_a_policy_alone_has_none(
    tmp_path: Path,
) -> None:
    env = environments(WIDE)
    model = shaken(PPO("NCPPolicy", env, n_steps=8, batch_size=8, device="cpu"))
    before = copy.deepcopy((env.obs_rms.mean, env.obs_rms.var, env.obs_rms.count))
    export(model, tmp_path / "policy.onnx")
    np.testing.assert_equal(
        (env.obs_rms.mean, env.obs_rms.var, env.obs_rms.count), before
    )
    export(model.policy, tmp_path / "alone.onnx")
    seen = np.array([0.1, -0.2, 0.3])
    agent, alone = (OnnxAgent(tmp_path / f"{n}.onnx") for n in ("policy", "alone"))
    expected, _ = model.predict(seen, deterministic=True)
    np.testing.assert_allclose(alone.act(seen), expected, atol=1e-6)
    assert not np.allclose(agent.act(seen), alone.act(seen))


def test_rewards_alone_are_of_no_matter(tmp_path: Path) -> None:
    env = environments(WIDE, norm_obs=False)
    model = shaken(PPO("NCPPolicy", env, n_steps=8, batch_size=8, device="cpu"))
    export(model, tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", space=raw(WIDE), steps=10)


def test_statistics_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path, model = tmp_path / "policy.onnx", make_agent("PPO")
    with pytest.raises(ValueError, match=r"of the model's observations, .*\(3,"):
        export(model, path, vec_normalize=environments(WIDE))
    with pytest.raises(ValueError, match="statistics of 'obs' of the shape"):
        export(model, path, vec_normalize=environments(MIXED, norm_obs_keys=["obs"]))
    stacked = VecFrameStack(environments(WIDE), 2)
    with pytest.raises(ValueError, match=r"export `model\.policy`"):
        export(A2C("NCPPolicy", stacked, device="cpu"), path)
    with pytest.raises(TypeError, match=r"must be a VecNormalize.*got int"):
        export(model, path, vec_normalize=5)  # type: ignore[arg-type]  # refused
    with pytest.raises(FileNotFoundError):
        export(model, path, vec_normalize=tmp_path / "missing.pkl")
    other = tmp_path / "other.pkl"
    for content, said in (
        (b"nothing of the kind", "cannot be read"),
        (b"", "cannot be read"),
        (pickle.dumps({"mean": 0}), "got dict"),
    ):
        other.write_bytes(content)
        with pytest.raises(ValueError, match=said):
            export(model, path, vec_normalize=other)
    assert not path.exists()
