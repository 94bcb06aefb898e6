"""A policy asks the registry once, and is copied without what it found there."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from agents import POLICIES, make_agent, make_env, predict
from recurrent_agents import CRITICS, make_model
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn
from toy_networks import Pair

from velora.plugins import Registry, networks
from velora.sb3 import NCPExtractor, ppo
from velora.sb3.common.network_choice import NetworkChoice


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The networks that the registry is asked for from now on."""
    networks()  # loads the plugins, if nobody has
    names: list[str] = []
    answer = Registry.__getitem__

    def ask(registry: Registry[Any], name: str) -> Any:
        if registry.kind == "network":
            names.append(name)
        return answer(registry, name)

    monkeypatch.setattr(Registry, "__getitem__", ask)
    return names


LAYERS = {"n_neurons": None, "net_arch": [99], "activation_fn": nn.ReLU}


@pytest.mark.parametrize(
    ("algorithm", "policy", "options"),
    [
        *(
            (algorithm, policy, {})
            for algorithm in ("PPO", "SAC")
            for policy in POLICIES
        ),
        ("PPO", "NCPPolicy", LAYERS | {"ortho_init": False}),
        ("SAC", "NCPPolicy", LAYERS),
    ],
)
def test_registry_is_asked_once_for_a_policy(
    algorithm: str, policy: str, options: dict[str, Any], asked: list[str]
) -> None:
    make_agent(algorithm, policy, policy_kwargs=options)
    of_memory = ["liquid", "gated-leaky"]  # and which stands in its place
    assert asked == {"NCPPolicy": ["ncp"], "LiquidPolicy": of_memory}[policy]


@pytest.mark.parametrize("critic", CRITICS)
def test_registry_is_asked_once_for_a_recurrent_policy(
    critic: str, asked: list[str]
) -> None:
    make_model(policy_kwargs=CRITICS[critic])
    expected = ["liquid", "gated-leaky", "ncp"]
    assert asked == expected[: 2 + (critic == "feed-forward")]


def test_registry_is_asked_once_for_an_extractor(asked: list[str]) -> None:
    NCPExtractor(make_env().observation_space)
    assert asked == ["ncp"]


@pytest.fixture
def _of_a_script() -> None:
    networks().add("test-lambda", lambda i, o: nn.Linear(i, o), override=True)
    networks().add(
        "test-recurrent-lambda", lambda i, o: Pair(i, o), recurrent=True, override=True
    )


@pytest.mark.usefixtures("_of_a_script")
@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "RecurrentPPO"])
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda policy: pickle.loads(pickle.dumps(policy))]
)
def test_policy_is_copied_whatever_builds_its_networks(
    algorithm: str, copied: Any
) -> None:
    if algorithm == "RecurrentPPO":
        policy = make_model(policy_kwargs={"network": "test-recurrent-lambda"}).policy
    else:
        options = {"network": "test-lambda", "n_neurons": None}
        policy = make_agent(algorithm, policy_kwargs=options).policy
    twin = copied(policy)
    np.testing.assert_array_equal(predict(twin), predict(policy))
    assert twin.choice == policy.choice
    assert "entry" in vars(policy.choice)
    assert "entry" not in vars(twin.choice)
    assert twin.choice.entry is networks()[policy.choice.network]
    assert vars(policy.choice).keys() - {"entry"} == policy.choice.as_kwargs().keys()


def test_only_a_constructor_notes_where_a_network_comes_from() -> None:
    class Asking(BaseAlgorithm):
        def _setup_model(self) -> None:
            self.recurrent = NetworkChoice("liquid").recurrent

        def learn(self, *_: Any, **__: Any) -> Any: ...

    asking = Asking(ppo.NCPPolicy, None, learning_rate=0.1, device="cpu")
    asking._setup_model()
    assert asking.recurrent
    assert not hasattr(asking, "network_sources")
    assert make_agent().network_sources == {"ncp": "velora-lnn"}
    options = {"features_extractor_class": NCPExtractor}
    model: Any = PPO("MlpPolicy", make_env(), policy_kwargs=options, device="cpu")
    assert model.network_sources == {"ncp": "velora-lnn"}
