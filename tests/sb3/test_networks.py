"""Every registered network thinks in every policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.torch_layers import CombinedExtractor, NatureCNN
from torch import Tensor, nn

from velora.plugins import networks
from velora.sb3 import LiquidExtractor, NCPExtractor
from velora.sb3.body import NetworkBody

MakeAgent = Callable[..., Any]


class Memory(nn.Module):
    """A plugin's recurrent network, with a state of two tensors."""

    def __init__(self, in_features: int, out_features: int, hidden: int = 5) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_features, hidden)
        self.out = nn.Linear(hidden, out_features)

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        zeros = self.out.weight.new_zeros(batch_size, self.lstm.hidden_size)
        return zeros, zeros

    def forward_sequence(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Any]:
        y, state = self.lstm(
            x, None if state is None else tuple(s[None] for s in state)
        )
        return self.out(y), state


@pytest.fixture(scope="module")
def plugin_networks() -> None:
    """Registers what a plugin would, from the running program."""
    networks().add("test-dense", lambda i, o, *, device=None: nn.Linear(i, o))
    networks().add("test-memory", Memory, recurrent=True)


@pytest.mark.usefixtures("plugin_networks")
@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
def test_network_of_a_plugin_works_by_its_name(
    algorithm: str, make_env: Callable[..., Any]
) -> None:
    kind = {"ppo": PPO, "a2c": A2C}[algorithm]
    model = kind(
        "NCPPolicy", make_env(), n_steps=64, policy_kwargs={"network": "test-dense"}
    )
    model.learn(64)
    assert isinstance(model.policy.networks["pi"], nn.Linear)


@pytest.mark.usefixtures("plugin_networks")
def test_recurrent_network_of_a_plugin_reads_windows(
    make_env: Callable[..., Any],
) -> None:
    options = {"network": "test-memory", "network_kwargs": {"hidden": 7}}
    model = PPO("NCPPolicy", make_env(window=4), n_steps=64, policy_kwargs=options)
    model.learn(64)
    assert model.policy.networks["pi"].lstm.hidden_size == 7


def test_liquid_body_reads_a_window_step_by_step() -> None:
    torch.manual_seed(0)
    body = NetworkBody("liquid", 6, 3, {"n_neurons": 12})
    window = torch.randn(2, 4, 6)  # (B, T, F)
    state = None
    for step in range(4):
        y, state = body.network(window[:, step], state)
    torch.testing.assert_close(body(window), y)


def test_liquid_body_starts_from_zero_without_a_window() -> None:
    torch.manual_seed(0)
    body = NetworkBody("liquid", 6, 3, {"n_neurons": 12})
    x = torch.randn(2, 6)
    torch.testing.assert_close(body(x), body.network(x)[0])


@pytest.mark.parametrize("name", ["ncp", "liquid"])
def test_body_keeps_a_batch_of_one(name: str) -> None:
    assert NetworkBody(name, 6, 3, {})(torch.randn(1, 6)).shape == (1, 3)


def test_liquid_policy_says_that_it_has_no_memory_on_flat_observations(
    make_env: Callable[..., Any],
) -> None:
    with pytest.warns(UserWarning, match="FrameStackObservation") as caught:
        PPO("LiquidPolicy", make_env(), n_steps=64)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("extractor", "window"),
    [(NCPExtractor, 0), (NCPExtractor, 3), (LiquidExtractor, 3)],
)
def test_extractors_feed_plain_policies(
    extractor: Any, window: int, make_env: Callable[..., Any]
) -> None:
    options = {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": {"features_dim": 10, "n_neurons": 16},
    }
    env = make_env(window=window)
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=16, policy_kwargs=options)
    before = model.policy.features_extractor.body.network.inter.weight.detach().clone()
    model.learn(32)
    network = model.policy.features_extractor.body.network
    assert model.policy.features_dim == network.out_features == 10
    assert not torch.equal(network.inter.weight, before)


def test_liquid_extractor_says_that_it_has_no_memory_on_flat_observations(
    make_env: Callable[..., Any],
) -> None:
    with pytest.warns(UserWarning, match="zero state"):
        LiquidExtractor(make_env().observation_space)


def test_windows_matter_to_a_liquid_policy(make_agent: MakeAgent) -> None:
    model = make_agent(policy="LiquidPolicy", actions="box")
    obs = np.random.default_rng(0).uniform(-1, 1, (1, 5, 6)).astype(np.float32)
    other = obs.copy()
    other[:, 0] += 1  # the oldest step only
    first, _ = model.predict(obs, deterministic=True)
    second, _ = model.predict(other, deterministic=True)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("nested", [False, True])
def test_extractor_knows_images_that_are_normalized(nested: bool) -> None:
    space: Any = spaces.Box(0, 1, (1, 36, 36), np.float32)
    expected: Any = NatureCNN
    if nested:
        space, expected = spaces.Dict({"image": space}), CombinedExtractor
    extractor = NCPExtractor(space, 8, normalized_image=True)
    assert isinstance(extractor.inputs, expected)
    image = torch.rand(2, 1, 36, 36)
    assert extractor({"image": image} if nested else image).shape == (2, 8)
