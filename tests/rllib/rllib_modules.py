"""Modules and batches as RLlib makes them, small."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from torch import Tensor

from velora.plugins import networks
from velora.rllib import NetworkModule

OBSERVATIONS = spaces.Box(-np.inf, np.inf, (4,), np.float32)
DISCRETE = spaces.Discrete(3)
CONTINUOUS = spaces.Box(-2.0, 2.0, (2,), np.float32)
RECURRENT = [name for name, entry in networks().items() if entry.recurrent]
CRITICS = ["separate", "shared", "feed-forward"]


def spec(
    network: str = "ncp",
    *,
    observation_space: Any = OBSERVATIONS,
    action_space: Any = DISCRETE,
    inference_only: bool = False,
    **model_config: Any,
) -> RLModuleSpec:
    return RLModuleSpec(
        module_class=NetworkModule,
        observation_space=observation_space,
        action_space=action_space,
        inference_only=inference_only,
        model_config=dict(network=network, n_neurons=12) | model_config,
    )


def module(network: str = "ncp", **options: Any) -> NetworkModule:
    """A module of seed 0; other seeds sample other wirings and weights."""
    torch.manual_seed(options.pop("seed", 0))
    made = spec(network, **options).build()
    assert isinstance(made, NetworkModule)
    return made


def first_state(made: NetworkModule, batch: int) -> dict[str, dict[str, Tensor]]:
    """The initial state of each row, as RLlib batches it."""
    return {
        role: {name: torch.stack([part] * batch) for name, part in state.items()}
        for role, state in made.get_initial_state().items()
    }


def steps(
    made: NetworkModule, obs: Tensor
) -> tuple[Tensor, Tensor, list[dict[str, dict[str, Tensor]]]]:
    """Goes through (B, T, F) observations step by step, as an env runner does.

    Returns:
        The (B, T, ...) inputs of the distribution, the (B, T) values and the states
        before each step, and after the last.
    """
    state = first_state(made, len(obs))
    inputs, values, states = [], [], [state]
    for t in range(obs.shape[1]):
        batch = {"obs": obs[:, t : t + 1], "state_in": state}
        with torch.no_grad():
            values.append(made.compute_values(batch))
        out = made.forward_exploration(batch)
        state = out.get("state_out", {})
        inputs.append(out["action_dist_inputs"])
        states.append(state)
    return torch.cat(inputs, dim=1), torch.cat(values, dim=1), states


def config(
    network: str, env: str = "CartPole-v1", *, lr: float = 1e-3, **model_config: Any
) -> PPOConfig:
    """PPO of two environments, whose episodes neither end with a batch nor a chunk."""
    options = dict(network=network, n_neurons=12, max_seq_len=7) | model_config
    return (
        PPOConfig()
        .environment(env)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=2)
        .learners(num_learners=0)
        .training(lr=lr, train_batch_size=100, minibatch_size=32, num_epochs=2)
        .training(vf_clip_param=1e6)  # beyond it nothing is learned of a value
        .rl_module(
            rl_module_spec=RLModuleSpec(
                module_class=NetworkModule, model_config=options
            )
        )
        .debugging(seed=0)
    )
