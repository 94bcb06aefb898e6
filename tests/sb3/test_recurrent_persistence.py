"""An agent of RecurrentPPO that is saved is the agent that is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recurrent_agents import (
    CRITICS,
    TIMED,
    assert_same_behaviour,
    assert_same_weights,
    each_critic,
    learn,
    make_model,
    ragged,
)
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecNormalize

from velora.sb3 import recurrent_ppo

pytestmark = pytest.mark.usefixtures("toy_networks")


@each_critic
@pytest.mark.parametrize(
    "network", ["liquid", "test-pair", "test-learned", "test-counter"]
)
def test_loaded_agent_goes_on_as_if_never_saved(
    network: str, critic: str, tmp_path: Path
) -> None:
    options = CRITICS[critic] | {"network": network}
    model = learn(make_model(policy_kwargs=options))
    model.save(tmp_path / "agent.zip")
    loaded: Any = RecurrentPPO.load(tmp_path / "agent.zip", device="cpu")
    assert_same_behaviour(model, loaded)
    for agent in (model, loaded):
        agent.set_env(ragged())
        agent.set_random_seed(5)
        agent.learn(48, reset_num_timesteps=False)
        assert agent.num_timesteps == 96 + 48
    assert_same_weights(loaded.policy, model.policy)


@each_critic
def test_policy_alone_is_saved_and_loaded(critic: str, tmp_path: Path) -> None:
    options = CRITICS[critic] | {"timespan_key": "dt", "sparsity_level": 0.8}
    model = learn(make_model(ragged(TIMED), policy_kwargs=options))
    model.policy.save(tmp_path / "policy.pt")
    loaded = recurrent_ppo.LiquidPolicy.load(str(tmp_path / "policy.pt"), "cpu")
    assert_same_weights(loaded, model.policy)
    assert_same_behaviour(model, loaded)


def test_parameters_of_one_agent_make_another_equal() -> None:
    model, other = learn(make_model()), make_model(seed=2)
    networks_ = [agent.policy.networks["pi"] for agent in (model, other)]
    assert networks_[0].wiring != networks_[1].wiring
    other.set_parameters(model.get_parameters())
    assert networks_[0].wiring == networks_[1].wiring
    assert_same_behaviour(model, other)


def test_callbacks_evaluate_and_save_agents(tmp_path: Path) -> None:
    model = make_model(VecNormalize(ragged()))
    evaluation = VecNormalize(ragged(n_envs=2), training=False, norm_reward=False)
    best: dict[str, Any] = {"best_model_save_path": str(tmp_path), "verbose": 0}
    callbacks = [
        EvalCallback(evaluation, eval_freq=8, n_eval_episodes=3, **best),
        CheckpointCallback(8, str(tmp_path / "checkpoints")),
    ]
    model.learn(96, callback=callbacks)
    files = [tmp_path / "best_model.zip", *tmp_path.glob("checkpoints/*steps.zip")]
    assert len(files) == 5
    for file in files:
        loaded = RecurrentPPO.load(file, device="cpu")
        mean, _ = evaluate_policy(loaded, evaluation, n_eval_episodes=4)
        assert np.isfinite(mean)
