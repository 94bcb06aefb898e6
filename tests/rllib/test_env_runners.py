"""Env runners in processes of their own."""

from __future__ import annotations

from typing import Any

import pytest
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from velora.rllib import NetworkConfig, NetworkModule

_PATIENCE = 40  # iterations, until a process has started on a busy machine

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
        before = _steps(algo.train())
        (runner,) = group._worker_manager.actors().values()
        ray.kill(runner, no_restart=False)
        for _ in range(_PATIENCE):
            algo.train()  # with no steps as long as there is no env runner
            if (
                group.num_remote_worker_restarts()
                and group.num_healthy_remote_env_runners()
            ):
                break
        assert group.num_remote_worker_restarts() == 1
        assert _steps(algo.train()) > before
    finally:
        algo.stop()


def _steps(result: dict[str, Any]) -> int:
    return int(result["num_env_steps_sampled_lifetime"])
