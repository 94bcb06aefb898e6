"""The plugin is right, its page says what works, and agents learn with it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.wrappers import FrameStackObservation
from sb3_contrib import RecurrentPPO
from stable_baselines3 import DQN, PPO, SAC
from velora_gru import GRUNetwork

import velora.sb3  # noqa: F401  # makes the policies known to the algorithms
from velora.plugins import plugins
from velora.plugins.testing import Checked, check_plugin

ON_POLICY = {"n_steps": 32, "batch_size": 32}
OFF_POLICY = {"learning_starts": 8, "buffer_size": 64, "batch_size": 8}


def test_plugin_passes_every_check() -> None:
    assert check_plugin("velora_gru") == Checked(("network torch-gru",), ())


def test_plugin_is_found_where_it_is_installed() -> None:
    (info,) = [info for info in plugins() if info.name == "gru"]
    assert (info.distribution, info.status) == ("velora-gru", "active")
    assert info.provides == ("network torch-gru",)


def test_reset_starts_one_environment_from_zero() -> None:
    torch.manual_seed(0)
    network = GRUNetwork(3, 2, n_neurons=5)
    x, state = torch.randn(6, 4, 3), torch.randn(4, 5)
    resets = torch.zeros(6, 4, dtype=torch.bool)
    resets[2, 1] = resets[2, 3] = resets[4, 3] = resets[0, 0] = True
    y, last = network.forward_sequence(x, state, resets=resets)
    for step in range(6):
        state = state * ~resets[step, :, None]
        row, state = network(x[step], state)
        torch.testing.assert_close(y[step], row)
    torch.testing.assert_close(last, state)


def test_other_shape_of_resets_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have shape \(T, B\) = \(6, 4\); got"):
        GRUNetwork(3, 2).forward_sequence(
            torch.zeros(6, 4, 3), resets=torch.zeros(4, 6)
        )


@pytest.mark.parametrize(
    ("algorithm", "env", "settings"),
    [
        (PPO, "CartPole-v1", ON_POLICY),
        (DQN, "CartPole-v1", OFF_POLICY),
        (SAC, "Pendulum-v1", OFF_POLICY),
        (RecurrentPPO, "CartPole-v1", ON_POLICY),
    ],
)
def test_agent_learns_and_loads(
    algorithm: Any, env: str, settings: Any, tmp_path: Path
) -> None:
    made: Any = gym.make(env)
    if algorithm is not RecurrentPPO:
        made = FrameStackObservation(made, 3)
    options = {"network": "torch-gru", "n_neurons": 8}
    model = algorithm(
        "LiquidPolicy", made, policy_kwargs=options, seed=1, device="cpu", **settings
    )
    (first, *_) = model.policy.networks.values()
    assert isinstance(first, GRUNetwork)
    before = first.gru.weight_hh_l0.detach().clone()
    model.learn(64)
    assert first.gru.weight_hh_l0.isfinite().all()
    assert not torch.equal(first.gru.weight_hh_l0, before)
    model.save(tmp_path / "agent")
    loaded = algorithm.load(tmp_path / "agent", device="cpu")
    shape = (6, *model.observation_space.shape)
    obs = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    wanted, _ = model.predict(obs, deterministic=True)
    got, _ = loaded.predict(obs, deterministic=True)
    np.testing.assert_array_equal(got, wanted)


def test_code_of_the_readme_runs(tmp_path: Path) -> None:
    page = Path(__file__).parents[1] / "README.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)
    assert len(blocks) == 2
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
