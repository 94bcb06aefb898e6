"""Which network "LiquidPolicy" thinks with where there is something to remember."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from agents import ALGORITHMS, algorithm_class, make_env, predict, sample_observations
from stable_baselines3 import PPO

import velora.sb3.common.algorithm as algorithm
from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork, NCPNetwork
from velora.sb3 import LiquidExtractor
from velora.sb3.common.actor_critic import LiquidActorCriticPolicy
from velora.sb3.common.network_defaults import DEFAULTS, MEMORY

OLDER = Path(__file__).with_name("older") / "e8a3884"
WAYS = [*(name for name in ALGORITHMS if name != "ARS"), "RecurrentPPO"]
BUILDERS = (LiquidNCPNetwork, 64)


def make(name: str, policy: Any = "LiquidPolicy", **policy_kwargs: Any) -> Any:
    """Makes an agent that has something to remember."""
    if name == "RecurrentPPO":
        observations, actions, settings = "flat", "box", {"n_steps": 16}
    else:
        spec = ALGORITHMS[name]
        observations, actions, settings = "window", spec.actions[0], spec.settings
        policy_kwargs = spec.policy_kwargs | policy_kwargs
    env = make_env(observations, actions)
    options: dict[str, Any] = {"seed": 1, "device": "cpu"} | settings
    return algorithm_class(name)(policy, env, policy_kwargs=policy_kwargs, **options)


def asked(model: Any) -> set[tuple[type, int]]:
    """Returns which networks a model thinks with, and of which sizes."""
    found = model.policy.networks.values()
    return {(type(network), network.n_neurons) for network in found}


def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes the defaults, as a later version may."""
    later: dict[str, Any] = {family: {} for family in DEFAULTS}
    later[MEMORY] = {"liquid": {"pi": {"n_neurons": 7}}}
    monkeypatch.setattr(algorithm, "DEFAULTS", later)


@pytest.mark.parametrize("name", WAYS)
def test_memory_is_that_of_the_table(name: str) -> None:
    (network,) = DEFAULTS[MEMORY]
    assert network == "gated-leaky"
    model = make(name)
    assert model.policy.choice.network == network
    assert asked(model) == {(GatedLeakyNCPNetwork, 150)}
    assert model.network_sources == {network: "velora-lnn"}


@pytest.mark.parametrize("name", ["PPO", "SAC", "DQN", "RecurrentPPO"])
def test_network_that_is_named_is_taken(name: str) -> None:
    assert asked(make(name, network="liquid")) == {BUILDERS}
    assert asked(make(name, network="gated-leaky")) == asked(make(name))
    sized = make(name, network="liquid", n_neurons=20)
    assert asked(sized) == {(LiquidNCPNetwork, 20)}


@pytest.mark.parametrize("name", ["PPO", "SAC", "DQN", "RecurrentPPO"])
def test_size_that_is_given_is_taken(name: str) -> None:
    assert asked(make(name, n_neurons=20)) == {(GatedLeakyNCPNetwork, 20)}
    assert asked(make(name, network_defaults={})) == {(GatedLeakyNCPNetwork, 64)}


@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
def test_what_has_nothing_to_remember_stays_as_it_was() -> None:
    model = PPO("LiquidPolicy", make_env("flat", "box"), n_steps=16, batch_size=8)
    assert {kind for kind, _ in asked(model)} == {LiquidNCPNetwork}
    assert {kind for kind, _ in asked(make("PPO", "NCPPolicy"))} == {NCPNetwork}


def test_policy_of_somebody_else_keeps_its_own_network() -> None:
    class Own(LiquidActorCriticPolicy):
        default_network = "ncp"

    assert {kind for kind, _ in asked(make("PPO", Own))} == {NCPNetwork}


def test_feed_forward_critic_has_none_of_them() -> None:
    model = make("RecurrentPPO", enable_critic_lstm=False)
    assert asked(model) == {(GatedLeakyNCPNetwork, 150), (NCPNetwork, 64)}


@pytest.mark.parametrize("name", ["PPO", "SAC", "DQN", "RecurrentPPO"])
def test_agent_keeps_them_after_they_have_changed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(name)
    model.save(tmp_path / "agent", exclude=["replay_buffer"])
    model.policy.save(str(tmp_path / "policy"))
    others(monkeypatch)
    loaded = type(model).load(tmp_path / "agent", device="cpu")
    kwargs = model.policy_kwargs
    again = type(model).load(tmp_path / "agent", policy_kwargs=kwargs, device="cpu")
    alone = type(model.policy).load(str(tmp_path / "policy"), device="cpu")
    for other in (loaded.policy, again.policy, alone):
        observations = sample_observations(model)
        actions = other.predict(observations, deterministic=True)[0]
        assert (actions == predict(model)).all()
    assert asked(make(name)) != asked(model)


@pytest.mark.parametrize("network", [None, "liquid"])
def test_extractor_keeps_them_after_they_have_changed(
    network: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"features_extractor_class": LiquidExtractor}
    if network:
        options["features_extractor_kwargs"] = {"network": network}
    model = PPO(
        "MlpPolicy", make_env("window", "box"), policy_kwargs=options, device="cpu"
    )
    extractor = model.policy.features_extractor
    kind = LiquidNCPNetwork if network else GatedLeakyNCPNetwork
    assert type(extractor.body.network) is kind
    model.save(tmp_path / "agent")
    model.policy.save(str(tmp_path / "policy"))
    others(monkeypatch)
    loaded = PPO.load(tmp_path / "agent", device="cpu").policy
    alone = type(model.policy).load(str(tmp_path / "policy"), device="cpu")
    for policy in (loaded, alone):
        actions = policy.predict(sample_observations(model), deterministic=True)[0]
        assert (actions == predict(model)).all()


@pytest.mark.parametrize("name", ["PPO-window", "RecurrentPPO-default"])
def test_agent_of_before_remembers_as_it_did(name: str, tmp_path: Path) -> None:
    loaded = algorithm_class(name.split("-")[0]).load(
        OLDER / f"{name}.zip", device="cpu"
    )
    assert asked(loaded) == {BUILDERS}
    loaded.save(tmp_path / "agent")
    assert asked(type(loaded).load(tmp_path / "agent", device="cpu")) == {BUILDERS}
