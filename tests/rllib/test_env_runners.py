"""Env runners in processes of their own."""

from __future__ import annotations

import pytest
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from velora.rllib import NetworkConfig, NetworkModule

pytestmark = pytest.mark.usefixtures("cluster")


def test_training_goes_on_where_an_env_runner_dies() -> None:
    spec = RLModuleSpec(
        module_class=NetworkModule, model_config=NetworkConfig("liquid", n_neurons=12)
    )
    config = (
        PPOConfig()
        .environment("CartPole-v1")
        .env_runners(num_env_runners=1)
        .fault_tolerance(restart_failed_env_runners=True)
        .training(train_batch_size=100, minibatch_size=50, num_epochs=1)
        .rl_module(rl_module_spec=spec)
    )
    algo = config.build_algo()
    try:
        group = algo.env_runner_group
        algo.train()
        (runner,) = group._worker_manager.actors().values()
        ray.kill(runner, no_restart=False)
        steps = [_steps(algo.train()) for _ in range(3)]
        assert group.num_healthy_remote_workers() == 1
        assert steps[-1] > steps[0]
        assert group.num_remote_worker_restarts() == 1
    finally:
        algo.stop()


def _steps(result: dict) -> int:
    return int(result["num_env_steps_sampled_lifetime"])
