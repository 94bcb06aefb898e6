"""A recurrence of one's own is one folder and one registration; see `leaky`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from agents import make_env
from leaky import LeakyNCPNetwork, build_leaky
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO

from velora.models.testing import check_network
from velora.plugins import networks
from velora.sb3 import Agent


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    networks().add("leaky", build_leaky, recurrent=True, override=True)


@pytest.fixture(params=["operators", "steps"])
def backend(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("VELORA_SCAN", request.param)
    return request.param


def test_it_passes_the_kit(backend: str) -> None:
    check_network("leaky")


def test_backend_computes_what_the_steps_do(monkeypatch: pytest.MonkeyPatch) -> None:
    network = LeakyNCPNetwork(3, 12, 2).double()
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    options = {"resets": torch.rand(7, 4) < 0.3, "timespans": torch.rand(7, 4).double()}
    results = []
    for name in ("operators", "steps"):
        monkeypatch.setenv("VELORA_SCAN", name)
        y, state = network.forward_sequence(x, **options)
        loss = y.square().sum() + state.sum()
        results.append((y, *torch.autograd.grad(loss, list(network.parameters()))))
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected)


def test_ppo_learns_over_windows() -> None:
    model = PPO(
        "LiquidPolicy",
        make_env("window"),
        n_steps=16,
        batch_size=8,
        policy_kwargs={"network": "leaky"},
    )
    model.learn(32)
    assert isinstance(model.policy.networks["pi"], LeakyNCPNetwork)


def test_recurrent_ppo_carries_its_state() -> None:
    model = RecurrentPPO(
        "LiquidPolicy",
        make_env(),
        n_steps=16,
        batch_size=8,
        policy_kwargs={"network": "leaky"},
    )
    model.learn(32)
    agent = Agent(model)
    agent.act(model.observation_space.sample())
    assert agent.state is not None
    assert agent.state[0].shape == (1, model.policy.networks["pi"].hidden_size)
