"""Whole iterations of PPO, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from ray.rllib.algorithms.algorithm import Algorithm
from rllib_modules import CRITICS, config

from velora.models import load_network
from velora.rllib import NetworkModule, save_network, to_network

pytestmark = pytest.mark.usefixtures("cluster")


def learner_module(algo: Algorithm) -> NetworkModule:
    made = algo.learner_group._learner.module["default_policy"]
    assert isinstance(made, NetworkModule)
    return made


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("network", ["ncp", "liquid", "gated-leaky", "lstm"])
def test_an_iteration_trains_all_weights(network: str, env: str) -> None:
    algo = config(network, env).build_algo()
    try:
        before = {n: p.clone() for n, p in learner_module(algo).named_parameters()}
        learned = algo.train()["learners"]["default_policy"]
        assert np.isfinite(learned["total_loss"])
        for name, parameter in learner_module(algo).named_parameters():
            assert not torch.equal(parameter, before[name]), name
        runner, learner = algo.env_runner.module, learner_module(algo)
        for name, value in runner.state_dict().items():
            assert torch.equal(value, learner.state_dict()[name]), name
    finally:
        algo.stop()


def test_a_mistake_is_told_before_anything_runs() -> None:
    with pytest.raises(ValueError, match=r"`network` must be one of .*; got 'liqid'"):
        config("liqid").build_algo()


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", ["liquid", "lstm"])
def test_what_was_explored_is_what_is_trained_on(network: str, critic: str) -> None:
    """Without a step of the optimizer, no distribution differs in any minibatch.

    Chunks start within episodes, some of which began in the iteration before.
    """
    algo = config(network, critic=critic, lr=0.0).build_algo()
    try:
        _shake(algo)
        for _ in range(2):
            learned = algo.train()["learners"]["default_policy"]
            assert abs(learned["mean_kl_loss"]) < 1e-6
    finally:
        algo.stop()


def _shake(algo: Algorithm) -> None:
    """Gives a policy weights with which what it remembers matters."""
    learner = learner_module(algo)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.mul_(3)
    algo.env_runner.module.set_state(learner.get_state(inference_only=True))


@pytest.mark.parametrize("network", ["ncp", "liquid"])
def test_a_checkpoint_acts_as_what_was_trained(network: str, tmp_path: Path) -> None:
    algo = config(network).build_algo()
    try:
        algo.train()
        folder = algo.save_to_path(tmp_path / "checkpoint")
        expected = _actions(learner_module(algo))
        restored = Algorithm.from_checkpoint(folder)
        try:
            assert _actions(learner_module(restored)) == expected
            assert _actions(restored.env_runner.module) == expected
            restored.train()
        finally:
            restored.stop()
    finally:
        algo.stop()
    for place in (folder, f"{folder}/learner_group", f"{folder}/learner_group/learner"):
        alone = to_network(place)
        assert _actions_of_network(alone) == expected
    save_network(folder, tmp_path / "actor.safetensors")
    assert _actions_of_network(load_network(tmp_path / "actor.safetensors")) == expected


def _episode() -> np.ndarray[Any, Any]:
    """Observations of 30 steps, the same for all."""
    env = gym.make("CartPole-v1")
    env.observation_space.seed(0)
    env.reset(seed=0)
    rows = [env.unwrapped.np_random.normal(size=4) for _ in range(30)]
    return np.array(rows, np.float32)


def _actions(made: NetworkModule) -> list[int]:
    state = {
        role: {name: part[None] for name, part in its.items()}
        for role, its in made.get_initial_state().items()
    }
    actions = []
    for row in torch.as_tensor(_episode()):
        obs = row[None, None] if made.is_stateful() else row[None]
        out = made.forward_inference({"obs": obs, "state_in": state})
        state = out.get("state_out", {})
        actions.append(int(out["action_dist_inputs"].argmax()))
    return actions


def _actions_of_network(network: Any) -> list[int]:
    rows = torch.as_tensor(_episode())
    if not hasattr(network, "forward_sequence"):
        return network(rows).argmax(-1).tolist()
    return network.forward_sequence(rows[:, None])[0].argmax(-1).flatten().tolist()
