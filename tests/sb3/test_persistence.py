"""An agent that is saved is the agent that is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

MakeAgent = Callable[..., Any]
each_algorithm = pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
each_policy = pytest.mark.parametrize("policy", ["NCPPolicy", "LiquidPolicy"])

PREDICT = """
import sys, numpy as np, stable_baselines3
algorithm, agent, observations, actions = sys.argv[1:]
model = getattr(stable_baselines3, algorithm.upper()).load(agent, device="cpu")
np.save(actions, model.predict(np.load(observations), deterministic=True)[0])
"""


def observations(model: Any) -> np.ndarray:
    shape = (9, *model.observation_space.shape)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@each_algorithm
@each_policy
def test_agent_loaded_in_another_process_predicts_the_same(
    algorithm: str, policy: str, make_agent: MakeAgent, tmp_path: Path
) -> None:
    model = make_agent(algorithm, policy, "box").learn(40)
    model.save(tmp_path / "agent.zip")
    np.save(tmp_path / "observations.npy", observations(model))
    files = ["agent.zip", "observations.npy", "actions.npy"]
    command = [sys.executable, "-c", PREDICT, algorithm, *files]
    subprocess.run(command, cwd=tmp_path, check=True)
    expected, _ = model.predict(observations(model), deterministic=True)
    np.testing.assert_array_equal(np.load(tmp_path / "actions.npy"), expected)


@each_algorithm
@each_policy
def test_loaded_agent_shows_the_wiring_it_computes_with(
    algorithm: str, policy: str, make_agent: MakeAgent, tmp_path: Path
) -> None:
    model = make_agent(algorithm, policy).learn(40)
    model.save(tmp_path / "agent.zip")
    torch.manual_seed(99)  # loading builds other wirings first
    loaded = type(model).load(tmp_path / "agent.zip", device="cpu")
    for role, network in model.policy.networks.items():
        twin = loaded.policy.networks[role]
        assert twin.wiring == network.wiring
        assert twin.masks == network.masks
        assert torch.equal(twin.inter.mask.T.int(), twin.masks.inter)


@each_algorithm
@each_policy
def test_loaded_agent_goes_on_learning_as_if_never_saved(
    algorithm: str, policy: str, make_agent: MakeAgent, tmp_path: Path
) -> None:
    model = make_agent(algorithm, policy).learn(40)
    model.save(tmp_path / "agent.zip")
    outcomes = []
    for agent in (model, type(model).load(tmp_path / "agent.zip", device="cpu")):
        agent.set_env(make_agent(algorithm, policy).get_env())
        agent.set_random_seed(5)
        agent.learn(40, reset_num_timesteps=True)
        outcomes.append(agent.policy.state_dict())
    assert all(torch.equal(outcomes[0][key], outcomes[1][key]) for key in outcomes[0])


@each_policy
def test_policy_alone_is_saved_and_loaded(
    policy: str, make_agent: MakeAgent, tmp_path: Path
) -> None:
    model = make_agent(policy=policy, policy_kwargs={"sparsity_level": 0.8}).learn(20)
    model.policy.save(tmp_path / "policy.pt")
    loaded = type(model.policy).load(tmp_path / "policy.pt", device="cpu")
    assert loaded.networks["pi"].wiring == model.policy.networks["pi"].wiring
    obs = observations(model)
    expected, _ = model.policy.predict(obs, deterministic=True)
    np.testing.assert_array_equal(loaded.predict(obs, deterministic=True)[0], expected)


@each_policy
def test_parameters_of_one_agent_make_another_equal(
    policy: str, make_agent: MakeAgent
) -> None:
    model, other = make_agent(policy=policy), make_agent(policy=policy, seed=2)
    assert other.policy.networks["pi"].wiring != model.policy.networks["pi"].wiring
    other.set_parameters(model.get_parameters())
    assert other.policy.networks["pi"].wiring == model.policy.networks["pi"].wiring
    obs = observations(model)
    expected, _ = model.predict(obs, deterministic=True)
    np.testing.assert_array_equal(other.predict(obs, deterministic=True)[0], expected)
