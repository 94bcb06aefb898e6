"""Every registered network thinks in every policy."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import (
    ALGORITHMS,
    OBSERVATIONS,
    algorithm_class,
    learn,
    make_agent,
    make_env,
)
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.torch_layers import CombinedExtractor, NatureCNN
from torch import Tensor, nn

from velora.plugins import networks
from velora.sb3 import LiquidExtractor, NCPExtractor
from velora.sb3.common.network_body import NetworkBody
from velora.sb3.common.windows import WindowExtractor
from velora.wiring import Connectome, small_world


@pytest.mark.usefixtures("toy_networks")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_network_of_a_plugin_works_by_its_name(algorithm: str) -> None:
    options = {"network": "test-dense", "n_neurons": None}
    model = learn(make_agent(algorithm, policy_kwargs=options))
    networks = model.policy.networks.values()
    assert all(isinstance(network, nn.Linear) for network in networks)


@pytest.mark.usefixtures("toy_networks")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_recurrent_network_of_a_plugin_reads_windows(algorithm: str) -> None:
    options = {"network": "test-windowed", "n_neurons": None}
    options["network_kwargs"] = {"hidden": 7}
    model = make_agent(algorithm, observations="window", policy_kwargs=options)
    for network in learn(model).policy.networks.values():
        assert network.lstm.hidden_size == 7


@pytest.mark.usefixtures("toy_networks")
def test_crossq_normalises_the_inputs_of_a_network_without_norm() -> None:
    options = {"network": "test-dense", "n_neurons": None}
    model = learn(make_agent("CrossQ", policy_kwargs=options))
    bodies = [m for m in model.policy.modules() if isinstance(m, NetworkBody)]
    assert [body.norm.num_features for body in bodies] == [6, 9, 9]
    assert all(int(body.norm.steps) > 0 for body in bodies)


@pytest.mark.parametrize("extra", [0, 2])
def test_liquid_body_reads_a_window_step_by_step(extra: int) -> None:
    torch.manual_seed(0)
    body = NetworkBody(
        networks()["liquid"], 24 + extra, 3, {"n_neurons": 12}, window=(4, 6)
    )
    inputs = torch.randn(5, 24 + extra)
    state = None
    for step in range(4):
        x = torch.cat((inputs[:, 6 * step : 6 * step + 6], inputs[:, 24:]), dim=1)
        y, state = body.network(x, state)
    torch.testing.assert_close(body(inputs), y)


def test_liquid_body_starts_from_zero_without_a_window() -> None:
    torch.manual_seed(0)
    body = NetworkBody(networks()["liquid"], 6, 3, {"n_neurons": 12})
    x = torch.randn(2, 6)
    torch.testing.assert_close(body(x), body.network(x)[0])


@pytest.mark.parametrize("name", ["ncp", "liquid"])
def test_body_keeps_a_batch_of_one(name: str) -> None:
    assert NetworkBody(networks()[name], 6, 3, {})(torch.randn(1, 6)).shape == (1, 3)


def test_sparse_body_reads_a_window_at_once() -> None:
    body = NetworkBody(networks()["ncp"], 24, 3, {}, window=(4, 6))
    assert body.network.in_features == 24


@pytest.mark.parametrize("observations", [name for name in OBSERVATIONS])
def test_liquid_policy_says_once_where_it_has_no_memory(observations: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_agent("SAC", "LiquidPolicy", observations)
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == (observations != "window")
    assert all("FrameStackObservation" in text for text in texts)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "ARS"])
@pytest.mark.parametrize(
    ("extractor", "observations"),
    [(NCPExtractor, name) for name in OBSERVATIONS] + [(LiquidExtractor, "window")],
)
def test_extractors_feed_plain_policies(
    algorithm: str, extractor: Any, observations: str
) -> None:
    spec = ALGORITHMS[algorithm]
    if observations in spec.without:
        pytest.skip(f"{algorithm} itself does not take such observations")
    options = spec.policy_kwargs | {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": {"features_dim": 10, "n_neurons": 16},
    }
    model = algorithm_class(algorithm)(
        "MultiInputPolicy" if observations == "dict" else "MlpPolicy",
        make_env(observations, spec.actions[0]),
        policy_kwargs=options,
        seed=1,
        device="cpu",
        **spec.settings,
    )
    used = next(m for m in model.policy.modules() if isinstance(m, extractor))
    before = used.body.network.inter.weight.detach().clone()
    learn(model)
    assert used.features_dim == used.body.network.out_features == 10
    assert not torch.equal(used.body.network.inter.weight, before)


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "TD3"])
def test_extractors_feed_our_policies_too(algorithm: str) -> None:
    options = {"features_extractor_class": NCPExtractor}
    options["features_extractor_kwargs"] = {"features_dim": 10, "n_neurons": 16}
    model = learn(make_agent(algorithm, policy_kwargs=options))
    assert model.policy.networks["pi"].in_features == 10


def test_liquid_extractor_says_that_it_has_no_memory_on_flat_observations() -> None:
    with pytest.warns(UserWarning, match="zero state"):
        LiquidExtractor(OBSERVATIONS["flat"])


@pytest.mark.parametrize("algorithm", ["PPO", "SAC"])
def test_windows_matter_to_a_liquid_policy(algorithm: str) -> None:
    model = make_agent(algorithm, "LiquidPolicy", "window", "box")
    obs = np.random.default_rng(0).uniform(-1, 1, (1, 4, 6)).astype(np.float32)
    other = obs.copy()
    other[:, 0] += 1  # the oldest step only
    first, _ = model.predict(obs, deterministic=True)
    second, _ = model.predict(other, deterministic=True)
    assert not np.array_equal(first, second)


def test_extractor_of_mine_gives_windows_too() -> None:
    class EverySecond(WindowExtractor):
        def __init__(self, space: Any) -> None:
            super().__init__(space)
            self.window = (2, 6)
            self._features_dim = 12

        def forward(self, observations: Tensor) -> Tensor:
            return observations[:, 1::2].flatten(1)

    options = {"features_extractor_class": EverySecond}
    model = learn(make_agent("SAC", "LiquidPolicy", policy_kwargs=options))
    assert model.policy.networks["pi"].in_features == 6


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


@pytest.mark.parametrize("policy", ["NCPPolicy", "LiquidPolicy"])
@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "RecurrentPPO"])
def test_wiring_of_another_rule_drives_every_network(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    if (algorithm, policy) == ("RecurrentPPO", "NCPPolicy"):
        pytest.skip("NCPPolicy has no state for RecurrentPPO to carry")
    wiring = partial(small_world, rewiring=0.0)
    options = {"n_neurons": 30, "network_kwargs": {"wiring": wiring}}
    if algorithm == "RecurrentPPO":
        model = RecurrentPPO(policy, "CartPole-v1", n_steps=8, policy_kwargs=options)
    else:
        model = make_agent(algorithm, policy, policy_kwargs=options)
    for network in model.policy.networks.values():
        assert type(network.wiring) is Connectome
    model.save(tmp_path / "agent")
    loaded = type(model).load(tmp_path / "agent", device="cpu")
    for name, network in model.policy.networks.items():
        assert loaded.policy.networks[name].wiring == network.wiring
