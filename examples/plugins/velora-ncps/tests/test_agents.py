"""Agents learn with the networks, keep their masks, and are saved and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.wrappers import FrameStackObservation
from sb3_contrib import ARS, TRPO, RecurrentPPO
from stable_baselines3 import DQN, PPO, SAC
from velora_ncps import NcpsNetwork

import velora.sb3  # noqa: F401  # makes the policies known to the algorithms

networks = pytest.mark.parametrize("network", ["ncps-cfc", "ncps-ltc"])
ON_POLICY = {"n_steps": 32, "batch_size": 32}
OFF_POLICY = {"learning_starts": 8, "buffer_size": 64, "batch_size": 8}


class Late(gym.Wrapper[Any, Any, Any, Any]):
    """Says by chance how long the last step took."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        dt = gym.spaces.Box(0, np.inf, (1,), np.float32)
        self.observation_space = gym.spaces.Dict(obs=env.observation_space, dt=dt)

    def reset(self, **options: Any) -> Any:
        """Starts an episode, before which nothing has passed."""
        obs, info = self.env.reset(**options)
        return {"obs": obs, "dt": np.zeros(1, np.float32)}, info

    def step(self, action: Any) -> Any:
        """Takes a step."""
        obs, *rest = self.env.step(action)
        dt = self.np_random.uniform(0.5, 1.5, 1).astype(np.float32)
        return {"obs": obs, "dt": dt}, *rest


def windows(name: str) -> gym.Env[Any, Any]:
    return FrameStackObservation(gym.make(name), 3)


def make(algorithm: Any, env: Any, network: str, settings: Any, **options: Any) -> Any:
    options |= {"network": network, "n_neurons": 8}
    return algorithm(
        "LiquidPolicy", env, policy_kwargs=options, seed=1, device="cpu", **settings
    )


def learn(model: Any, steps: int = 64) -> Any:
    """Trains, and sees that weights change, and masks do not."""
    found = model.policy.networks.values()
    assert all(isinstance(network, NcpsNetwork) for network in found)
    before = {k: value.clone() for k, value in model.policy.state_dict().items()}
    model.learn(steps)
    after = model.policy.state_dict()
    assert all(value.isfinite().all() for value in after.values())
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert any("cell" in key for key in changed)
    assert not any("mask" in key for key in changed)
    return model


@networks
@pytest.mark.parametrize(
    ("algorithm", "env", "settings"),
    [
        (PPO, "CartPole-v1", ON_POLICY),
        (TRPO, "CartPole-v1", ON_POLICY),
        (ARS, "CartPole-v1", {"n_delta": 1, "zero_policy": False}),
        (DQN, "CartPole-v1", OFF_POLICY | {"target_update_interval": 16}),
        (SAC, "Pendulum-v1", OFF_POLICY),
    ],
)
def test_agent_with_windows_learns_and_loads(
    algorithm: Any, env: str, settings: Any, network: str, tmp_path: Path
) -> None:
    steps = 24 if algorithm is SAC else 64
    model = learn(make(algorithm, windows(env), network, settings), steps)
    model.save(tmp_path / "agent")
    torch.manual_seed(5)  # so that other wirings are drawn first
    loaded = algorithm.load(tmp_path / "agent", device="cpu")
    shape = (6, *model.observation_space.shape)
    obs = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    wanted, _ = model.predict(obs, deterministic=True)
    got, _ = loaded.predict(obs, deterministic=True)
    np.testing.assert_array_equal(got, wanted)


@networks
@pytest.mark.parametrize("timed", [False, True])
def test_recurrent_agent_learns_and_loads(
    network: str, timed: bool, tmp_path: Path
) -> None:
    env: Any = gym.make("CartPole-v1")  # at random its episodes last some 20 steps
    options = {"timespan_key": "dt"} if timed else {}
    model = make(
        RecurrentPPO, Late(env) if timed else env, network, ON_POLICY, **options
    )
    learn(model)
    model.save(tmp_path / "agent")
    loaded = RecurrentPPO.load(tmp_path / "agent", device="cpu")
    rng = np.random.default_rng(0)
    state = again = None
    for _ in range(3):
        obs: Any = rng.uniform(-1, 1, (2, 4)).astype(np.float32)
        if timed:
            obs = {"obs": obs, "dt": rng.uniform(0.5, 1.5, (2, 1)).astype(np.float32)}
        _, state = model.predict(obs, state, deterministic=True)
        _, again = loaded.predict(obs, again, deterministic=True)
    assert state[0].shape == (2, 8 + 2)
    np.testing.assert_array_equal(state[0], again[0])
    if timed:
        _, later = model.predict(obs | {"dt": obs["dt"] * 2}, state)
        _, sooner = model.predict(obs, state)
        assert not np.array_equal(later[0], sooner[0])


@pytest.mark.parametrize("policy", ["LiquidPolicy", "NCPPolicy"])
def test_policy_of_velora_takes_the_wiring(policy: str) -> None:
    options = {"n_neurons": 8, "network_kwargs": {"wiring": "auto-ncp"}}
    env = windows("CartPole-v1")
    model = PPO(policy, env, policy_kwargs=options, device="cpu", **ON_POLICY)
    assert model.learn(32).num_timesteps == 32
    command = model.policy.networks["pi"].masks.command
    assert command.shape == (5, 3)
