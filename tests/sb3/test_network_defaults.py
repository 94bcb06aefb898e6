"""What policies ask of our own networks, who is asked, and what was saved before."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from agents import (
    ALGORITHMS,
    POLICIES,
    algorithm_class,
    make_env,
    predict,
    sample_observations,
)
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.torch_layers import FlattenExtractor

import velora.sb3.common.algorithm as algorithm
from velora.models import NCPNetwork
from velora.plugins import networks
from velora.sb3 import NCPExtractor
from velora.sb3.common.actor_critic import NCPActorCriticPolicy
from velora.sb3.common.network_defaults import DEFAULTS, QUANTILES
from velora.wiring import Wiring

OLDER = Path(__file__).with_name("older") / "463cb58"


def make(name: str, policy: str = "NCPPolicy", **policy_kwargs: Any) -> Any:
    """Makes a small agent that says nothing of its networks."""
    spec = ALGORITHMS[name]
    env = make_env("flat", spec.actions[0])
    settings: dict[str, Any] = {"seed": 1, "device": "cpu"} | spec.settings
    kwargs = spec.policy_kwargs | policy_kwargs
    return algorithm_class(name)(policy, env, policy_kwargs=kwargs, **settings)


def asked(model: Any) -> dict[str, tuple[int, str, str]]:
    """Returns size, activation and initial values of each network, by its role."""
    return {
        role: (
            network.n_neurons,
            getattr(network, "activation", "mish"),
            network.inter.init_type,
        )
        for role, network in model.policy.networks.items()
    }


def expected(model: Any) -> dict[str, tuple[int, str, str]]:
    defaults = DEFAULTS[model.policy.family][model.policy.choice.network]
    return {
        role: (
            options["n_neurons"],
            options.get("activation", "mish"),
            options.get("init_type", "kaiming_uniform"),
        )
        for role in model.policy.networks
        for options in [defaults[role.rstrip("01")]]
    }


@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_networks_are_what_the_table_says(name: str, policy: str) -> None:
    model = make(name, policy)
    assert asked(model) == expected(model)
    for role, network in model.policy.networks.items():
        weight = network.motor.weight.detach()[network.motor.mask]
        assert (weight.abs().max() < 0.05) == (
            role == "pi" and network.inter.init_type == "synaptic"
        )


def test_actor_starts_near_no_preference_and_critic_does_not() -> None:
    model = make("PPO")
    observations = torch.randn(500, 6)
    pi, vf = (model.policy.networks[role](observations) for role in ("pi", "vf"))
    assert pi.detach().std() < 0.02
    assert 0.2 < vf.detach().std() < 2


def test_what_a_user_gives_wins() -> None:
    options = {"n_neurons": 20, "network_kwargs": {"activation": "relu"}}
    network = make("PPO", **options).policy.networks["pi"]
    assert (network.n_neurons, network.activation) == (20, "relu")
    assert network.motor.weight.abs().max() < 0.05  # the others stay
    roles = make("SAC", n_neurons={"pi": 20, "qf": 30}).policy.networks
    assert {role: network.n_neurons for role, network in roles.items()} == {
        "pi": 20,
        "qf0": 30,
        "qf1": 30,
    }
    gain = {"gain": {"motor": 5.0}}
    network = make("PPO", network_kwargs=gain).policy.networks["pi"]
    assert network.motor.weight.abs().max() > 0.5


@pytest.mark.parametrize("where", ["argument", "network_kwargs"])
def test_initial_values_that_a_user_gives_have_no_gain_of_ours(where: str) -> None:
    given: dict[str, Any] = {"init_type": "xavier"}
    options = given if where == "argument" else {"network_kwargs": given}
    network = make("PPO", **options).policy.networks["pi"]
    assert network.inter.init_type == "xavier"
    assert network.motor.weight.abs().max() > 0.2


def test_ready_wiring_has_its_own_size() -> None:
    wiring = Wiring(6, 20, 4)
    with pytest.raises(ValueError, match="out_features"):  # the critic has one neuron
        make("DQN", network_kwargs={"wiring": Wiring(6, 20, 3)})
    network = make("DQN", network_kwargs={"wiring": wiring}).policy.networks["qf"]
    assert network.n_neurons == 20


class _TakenBack(Exception):
    """Ends a block in which a registry holds more than it should afterwards."""


@pytest.fixture
def asking() -> Iterator[list[dict[str, Any]]]:
    """A network of somebody else's, and what its builder gets."""
    seen: list[dict[str, Any]] = []

    def build(in_features: int, out_features: int, **options: Any) -> NCPNetwork:
        seen.append(options)
        return NCPNetwork(in_features, 10, out_features)

    registry = networks()
    with suppress(_TakenBack), registry.booked_to(None):
        registry.add("asking", build)
        registry.add("ncp", build, override=True)
        yield seen
        raise _TakenBack


@pytest.mark.parametrize("name", ["asking", "ncp"])
def test_network_of_others_gets_nothing(asking: Any, name: str) -> None:
    make("PPO", network=name)
    assert asking == [{}, {}]


def test_none_of_them_leaves_all_to_the_builders(tmp_path: Path) -> None:
    model = make("DQN", network_defaults={})
    assert asked(model) == {"qf": (64, "mish", "kaiming_uniform")}
    model.save(tmp_path / "agent")
    assert asked(DQN.load(tmp_path / "agent", device="cpu")) == asked(model)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_agent_keeps_them_after_they_have_changed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(name)
    model.save(tmp_path / "agent", exclude=["replay_buffer"])
    model.policy.save(str(tmp_path / "policy"))
    later = {family: {"ncp": {}} for family in DEFAULTS}
    monkeypatch.setattr(algorithm, "DEFAULTS", later)
    loaded = type(model).load(tmp_path / "agent", device="cpu")
    kwargs = model.policy_kwargs
    again = type(model).load(tmp_path / "agent", policy_kwargs=kwargs, device="cpu")
    alone = type(model.policy).load(str(tmp_path / "policy"), device="cpu")
    for other in (loaded.policy, again.policy, alone):
        observations = sample_observations(model)
        actions = other.predict(observations, deterministic=True)[0]
        assert (actions == predict(model)).all()
    assert asked(loaded) == asked(model)
    assert asked(make(name)) != asked(model)


def test_family_that_was_part_of_another_keeps_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.delitem(DEFAULTS, QUANTILES)  # as of an agent of before
        model = make("TQC")
        model.save(tmp_path / "agent")
        model.policy.save(str(tmp_path / "policy"))
    assert {size for size, _, _ in asked(model).values()} == {128}
    assert asked(make("TQC"))["qf0"] == (256, "tanh", "synaptic")
    loaded = type(model).load(tmp_path / "agent", device="cpu").policy
    alone = type(model.policy).load(str(tmp_path / "policy"), device="cpu")
    for policy in (loaded, alone):
        actions = policy.predict(sample_observations(model), deterministic=True)[0]
        assert (actions == predict(model)).all()
        assert {network.n_neurons for network in policy.networks.values()} == {128}


def test_part_keeps_them_after_they_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make("SAC")
    model.actor.save(tmp_path / "actor")
    monkeypatch.setattr(algorithm, "DEFAULTS", {family: {} for family in DEFAULTS})
    actor = type(model.actor).load(tmp_path / "actor", device="cpu")
    assert actor.latent_pi.network.activation == "tanh"


@pytest.mark.parametrize("name", ["PPO-NCPPolicy", "PPO-default", "DQN-default"])
def test_agent_of_before_has_none(name: str) -> None:
    loaded = algorithm_class(name.split("-")[0]).load(
        OLDER / f"{name}.zip", device="cpu"
    )
    networks_of_it = loaded.policy.networks.values()
    assert {network.activation for network in networks_of_it} == {"mish"}
    size = 6 if name == "PPO-NCPPolicy" else 64
    assert {network.n_neurons for network in networks_of_it} == {size}


def test_agent_of_before_saved_again_has_none(tmp_path: Path) -> None:
    loaded = PPO.load(OLDER / "PPO-default.zip", device="cpu")
    loaded.save(tmp_path / "agent")
    assert asked(PPO.load(tmp_path / "agent", device="cpu")) == asked(loaded)


def test_weights_of_before_are_no_ones_that_others_compute_with() -> None:
    options = {"policy_kwargs": {"n_neurons": 6}, "n_steps": 16, "batch_size": 8}
    model = PPO("NCPPolicy", make_env("flat", "box"), **options)
    before = copy.deepcopy(model.policy.state_dict())
    with pytest.raises(RuntimeError, match="`activation` must be 'mish'"):
        model.set_parameters(str(OLDER / "PPO-NCPPolicy.zip"))
    options["policy_kwargs"] = {"n_neurons": 6, "network_defaults": {}}
    PPO("NCPPolicy", make_env("flat", "box"), **options).set_parameters(
        str(OLDER / "PPO-NCPPolicy.zip")
    )
    assert before.keys() == model.policy.state_dict().keys()


def test_extractor_has_them_and_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"features_extractor_class": NCPExtractor}
    model = SAC(
        "MlpPolicy", make_env("flat", "box"), policy_kwargs=options, device="cpu"
    )
    model.save(tmp_path / "agent")
    monkeypatch.setattr(algorithm, "DEFAULTS", {family: {} for family in DEFAULTS})
    for extractor in (
        model.actor.features_extractor,
        SAC.load(tmp_path / "agent", device="cpu").actor.features_extractor,
    ):
        assert extractor.body.network.n_neurons == 128
    older = PPO.load(
        OLDER / "PPO-NCPExtractor.zip", device="cpu"
    ).policy.features_extractor
    assert older.body.network.activation == "mish"


@pytest.mark.parametrize("policy", ["MlpPolicy", "NCPPolicy"])
def test_policy_alone_keeps_those_of_its_extractor(
    policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kwargs = {"features_extractor_class": NCPExtractor}
    model = PPO(policy, make_env("flat", "box"), policy_kwargs=kwargs, device="cpu")
    older = PPO.load(OLDER / "PPO-NCPExtractor.zip", device="cpu")
    monkeypatch.setattr(algorithm, "DEFAULTS", {family: {} for family in DEFAULTS})
    for policy_of in (model.policy, older.policy):
        policy_of.save(str(tmp_path / "policy"))
        again = type(policy_of).load(str(tmp_path / "policy"), device="cpu")
        observations = sample_observations(model)
        expected = policy_of.predict(observations, deterministic=True)[0]
        assert (again.predict(observations, deterministic=True)[0] == expected).all()
        again.save(str(tmp_path / "policy"))
        type(policy_of).load(str(tmp_path / "policy"), device="cpu")


def test_what_is_made_while_something_else_is_loaded_has_todays(
    tmp_path: Path,
) -> None:
    alone = make("PPO").policy
    alone.save(str(tmp_path / "teacher"))

    class Student(PPO):
        def _setup_model(self) -> None:
            self.teacher = type(alone).load(str(tmp_path / "teacher"), device="cpu")
            super()._setup_model()

    student = Student("NCPPolicy", make_env(), n_steps=16, batch_size=8)
    assert student.policy.networks["pi"].n_neurons == 128
    assert student.teacher.networks["pi"].n_neurons == 128


class Taught(FlattenExtractor):
    """An extractor that makes an agent of its own."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__(observation_space)
        self.teacher = PPO("NCPPolicy", make_env(), n_steps=16, batch_size=8).policy


def test_agent_that_an_extractor_makes_has_todays_when_it_is_loaded(
    tmp_path: Path,
) -> None:
    policy = make("PPO", features_extractor_class=Taught).policy
    policy.save(str(tmp_path / "policy"))
    loaded = type(policy).load(str(tmp_path / "policy"), device="cpu")
    assert loaded.features_extractor.teacher.networks["pi"].n_neurons == 128


def test_explicit_ones_are_not_those_of_an_extractor() -> None:
    model = make("PPO", network_defaults={}, features_extractor_class=NCPExtractor)
    assert model.policy.networks["pi"].n_neurons == 64
    assert model.policy.features_extractor.body.network.n_neurons == 128


def test_policy_of_no_family_has_none() -> None:
    class Own(NCPActorCriticPolicy):
        family = None

    env = make_env()
    model = PPO(Own, env, n_steps=16, batch_size=8)
    alone = Own(env.observation_space, env.action_space, lambda left: 1e-3)
    for policy in (model.policy, alone):
        assert policy.networks["pi"].n_neurons == 64


def test_what_is_noted_on_an_agent_is_its_own() -> None:
    model = make("PPO")
    model.network_defaults["on-policy"]["ncp"]["pi"]["n_neurons"] = 7
    assert asked(make("PPO")) == expected(make("PPO"))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"activation": "swish"}, ValueError, "`activation` must be one of"),
        ({"gain": float("nan")}, ValueError, "`gain` must be finite"),
        ({"gain": {"pi": 1.0}}, ValueError, "`gain` must be .* got one for"),
    ],
)
def test_wrong_options_are_refused(options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        make("PPO", network_kwargs=options)


@pytest.mark.parametrize(
    ("defaults", "error", "words"),
    [
        (True, TypeError, "got True in it"),
        ([], TypeError, r"got \[\] in it"),
        ({"ncp": 3}, TypeError, "got 3 in it"),
        ({"ncp": {"pi": 3}}, TypeError, "got 3 in it"),
        ({"ncp": {"actor": {}}}, ValueError, r"got \['actor'\]"),
        ({"pi": {"n_neurons": {}}}, ValueError, r"got \['n_neurons'\]"),
    ],
)
def test_wrong_defaults_are_refused(defaults: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=f"`network_defaults` must be .*{words}"):
        make("PPO", network_defaults=defaults)
    with pytest.raises(error, match=f"`network_defaults` must be .*{words}"):
        NCPExtractor(make_env().observation_space, network_defaults=defaults)
