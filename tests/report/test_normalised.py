"""Environments that normalise, and those that do not where a model was trained so."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from recurrent_agents import FLAT, Ragged
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize
from traced import assert_same

from velora.report import lesions, trace


def random_env() -> Ragged:
    return Ragged(FLAT, "box")


def trained() -> Any:
    env = VecNormalize(make_vec_env(random_env, 2, seed=0))
    model = PPO("NCPPolicy", env, n_steps=16, batch_size=8, seed=1, device="cpu")
    return model.learn(64)


def statistics(env: VecNormalize) -> dict[str, Any]:
    rms = {"obs": env.obs_rms, "ret": env.ret_rms}
    found = {name: (each.mean, each.var, each.count) for name, each in rms.items()}
    return copy.deepcopy(found | {"training": env.training})


def test_observations_are_normalised_and_rewards_are_not() -> None:
    model = trained()
    env = model.get_vec_normalize_env()
    found = trace(model, env, n_episodes=2, seed=3)
    plain = make_vec_env(random_env, 1)
    plain.seed(3)
    seen = env.normalize_obs(plain.reset())
    rewards = []
    length = int(np.flatnonzero(found.episode_starts)[1])
    for step in range(length):
        np.testing.assert_allclose(found.observations[step], seen[0], atol=1e-6)
        observations, reward, _, _ = plain.step(found.actions[None, step])
        seen, rewards = env.normalize_obs(observations), [*rewards, reward[0]]
    np.testing.assert_allclose(found.rewards[:length], rewards, atol=1e-6)


@pytest.mark.parametrize("job", [trace, lesions], ids=["trace", "lesions"])
def test_statistics_stand_still_and_then_go_on(job: Any) -> None:
    model = trained()
    env = model.get_vec_normalize_env()
    before = statistics(env)
    assert before["training"]
    options = {} if job is trace else {"groups": {"one": [("inter", 0)]}}
    job(model, env, n_episodes=2, seed=3, **options)
    np.testing.assert_equal(statistics(env), before)
    job(model, random_env(), n_episodes=2, seed=3, **options)
    np.testing.assert_equal(statistics(env), before)
    assert env.venv.num_envs == 2


def test_plain_environment_is_normalised_as_the_model_was_trained() -> None:
    model = trained()
    found = trace(model, random_env(), n_episodes=3, seed=3)
    expected = trace(model, model.get_env(), n_episodes=3, seed=3)
    assert_same(expected, found, rtol=1e-5, atol=1e-6)
    raw = trace(model.policy, random_env(), n_episodes=3, seed=3)  # which has no others
    assert not np.allclose(raw.observations, found.observations, atol=1e-3)


def test_normaliser_is_found_below_other_wrappers() -> None:
    inner = VecNormalize(make_vec_env(random_env, 1, seed=0))
    env = VecFrameStack(inner, 3)
    model = PPO("NCPPolicy", env, n_steps=16, batch_size=8, seed=1, device="cpu")
    model.learn(32)
    before = statistics(inner)
    found = trace(model, env, seed=3)
    np.testing.assert_equal(statistics(inner), before)
    assert found.observations.shape == (len(found), 9)
    # Oldest first: each is a step behind the next.
    stacked = found.observations.reshape(-1, 3, 3)
    np.testing.assert_array_equal(stacked[1:, 1], stacked[:-1, 2])
