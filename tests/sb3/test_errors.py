"""Bad input is refused at construction, in words that name the fix."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from agents import ALGORITHMS, OBSERVATIONS, POLICIES, make_agent, make_env
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn
from toy_networks import Value

from velora.plugins import networks
from velora.sb3 import NCPExtractor
from velora.sb3.common.actor_critic import NCPActorCriticPolicy
from velora.sb3.common.network_body import NetworkBody
from velora.sb3.common.windows import WindowExtractor

ON_POLICY = ["PPO", "A2C", "TRPO", "MaskablePPO"]
CONTINUOUS = ["SAC", "TQC", "CrossQ", "TD3", "DDPG"]
ROLES = dict.fromkeys(ON_POLICY, ("pi", "vf")) | dict.fromkeys(CONTINUOUS, ("pi", "qf"))
ROLES |= {"DQN": ("qf",), "QRDQN": ("qf",), "ARS": ("pi",)}


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"network": "nope"}, KeyError, "'liquid', 'lstm', 'ltc', 'ncp'"),
        ({"n_neurons": -3}, ValueError, "`n_neurons` must be at least 2; got -3"),
        ({"n_neurons": 8.0}, TypeError, "`n_neurons` must be an integer"),
        ({"n_neurons": {}}, ValueError, "`n_neurons` must be an int"),
        ({"n_neurons": {"nope": 8}}, ValueError, "`n_neurons` must be an int"),
        ({"sparsity_level": 0.95}, ValueError, r"must be between '\[0.1, 0.9\]'"),
        ({"init_type": "nope"}, ValueError, "kaiming_uniform"),
        ({"network_kwargs": {"nope": 1}}, TypeError, "nope"),
        ({"network_kwargs": {"n_neurons": 9}}, ValueError, "must be given once"),
        ({"net_arch": [64, 64]}, ValueError, "`net_arch`.*`n_neurons`"),
        ({"activation_fn": nn.PReLU}, ValueError, "`activation_fn` "),
        ({"nope": 1}, TypeError, "nope"),
        ({"timespan_key": "dt"}, TypeError, "`timespan_key` must .* MemoryPPO"),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bad_policy_kwargs_are_refused(
    algorithm: str, policy: str, options: dict[str, Any], error: Any, text: str
) -> None:
    with pytest.raises(error, match=text):
        make_agent(algorithm, policy, policy_kwargs=options)


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "DQN"])  # some take no options
def test_learning_rate_is_the_algorithms(algorithm: str) -> None:
    with pytest.raises(TypeError, match=r"leave out `lr`.*`learning_rate`"):
        make_agent(algorithm, policy_kwargs={"optimizer_kwargs": {"lr": 1.0}})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_roles_are_those_of_the_algorithm(algorithm: str) -> None:
    roles = list(ROLES[algorithm])
    complete = dict.fromkeys(roles, 8)
    make_agent(algorithm, policy_kwargs={"n_neurons": complete})
    for wrong in (complete | {"nope": 8}, dict.fromkeys(roles[:-1], 8)):
        with pytest.raises(ValueError, match=rf"keys {re.escape(str(roles))}; got"):
            make_agent(algorithm, policy_kwargs={"n_neurons": wrong})


def test_ars_refuses_the_bias_of_layers_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="`with_bias` describes layers"):
        make_agent("ARS", policy_kwargs={"with_bias": False})


OTHERS = [
    (taking, given)
    for taking in ALGORITHMS
    for given in ALGORITHMS
    if {taking, given} not in ({"TD3", "DDPG"}, {"PPO", "A2C"}, {"PPO", "TRPO"})
    and {taking, given} != {"A2C", "TRPO"}
    and taking != given
]


@pytest.mark.parametrize(("taking", "given"), OTHERS)
def test_policy_of_another_algorithm_is_refused(taking: str, given: str) -> None:
    policy = type(make_agent(given).policy)
    actions = ALGORITHMS[taking].actions[0]
    with pytest.raises(TypeError, match=f"A policy of {taking} must .* got velora"):
        make_agent(taking, policy, "flat", actions)


@pytest.mark.parametrize("taking", ["PPO", "A2C", "TRPO"])
def test_policy_of_an_algorithm_that_takes_the_same_ones_is_taken(taking: str) -> None:
    for given in ("PPO", "A2C", "TRPO"):
        policy = type(make_agent(given).policy)
        assert type(make_agent(taking, policy, "flat").policy) is policy


def test_policy_is_taken_by_an_algorithm_of_mine() -> None:
    class Mine(BaseAlgorithm):
        def _setup_model(self) -> None:
            self.policy = self.policy_class(
                self.observation_space, self.action_space, lambda _: 0.1
            )

        def learn(self, *_: Any, **__: Any) -> Any: ...

    policy_class = type(make_agent("PPO").policy)
    model = Mine(policy_class, make_env(), learning_rate=0.1)
    model._setup_model()
    assert isinstance(model.policy, ActorCriticPolicy)


def test_policies_beside_the_own_one_are_nobodys_business() -> None:
    class WithTeacher(SAC):
        def _setup_model(self) -> None:
            super()._setup_model()
            spaces_ = self.observation_space, spaces.Discrete(2)
            self.teacher = NCPActorCriticPolicy(*spaces_, self.lr_schedule)

    env = make_env("flat", "box")
    assert WithTeacher("NCPPolicy", env, device="cpu").teacher.networks


def test_policy_is_taken_by_a_subclass_with_aliases_of_its_own() -> None:
    class Mine(PPO):
        policy_aliases: ClassVar[dict[str, Any]] = {}

    model = Mine(NCPActorCriticPolicy, make_env(), device="cpu")
    assert isinstance(model.policy, NCPActorCriticPolicy)


class Unknown(OnPolicyAlgorithm):
    """An algorithm of somebody else's, with policies of its own."""

    policy_aliases: ClassVar = {"MlpPolicy": MaskableActorCriticPolicy}


def test_algorithm_without_our_policies_says_so() -> None:
    numbers = dict.fromkeys(("gamma", "gae_lambda", "ent_coef", "vf_coef"), 0.5)
    settings = {"learning_rate": 1e-3, "n_steps": 8, "max_grad_norm": 1.0, **numbers}
    settings |= {"use_sde": False, "sde_sample_freq": -1}
    with pytest.raises(TypeError, match="Velora has none for Unknown"):
        Unknown(NCPActorCriticPolicy, make_env(), **settings)


def test_policy_for_another_algorithm_is_named_with_the_one_to_pass() -> None:
    with pytest.raises(TypeError, match=r'RecurrentPPO\("LiquidPolicy", env\)'):
        RecurrentPPO(NCPActorCriticPolicy, make_env())


def test_trpo_refuses_a_parameter_that_it_would_never_train() -> None:
    networks().add("test-value", Value, override=True)
    options = {"network": "test-value", "n_neurons": None}
    with pytest.raises(ValueError, match=r"action_net\.network\.value\.weight"):
        make_agent("TRPO", policy_kwargs=options)
    make_agent("PPO", policy_kwargs=options)


def test_crossq_refuses_a_second_normalisation() -> None:
    options = {"network_kwargs": {"norm": nn.LayerNorm}}
    with pytest.raises(ValueError, match="`norm` must be left out"):
        make_agent("CrossQ", policy_kwargs=options)
    options["batch_norm"] = False
    network = make_agent("CrossQ", policy_kwargs=options).policy.networks["pi"]
    assert isinstance(network.norms["inter"], nn.LayerNorm)


NOT_FLAT = [
    spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3))),
    spaces.Text(3),
    spaces.Dict(a=spaces.Dict(b=spaces.Discrete(2))),
]


@pytest.mark.parametrize("space", NOT_FLAT, ids=lambda space: type(space).__name__)
def test_observations_that_cannot_be_flattened_are_refused(space: Any) -> None:
    with pytest.raises(ValueError, match="FlattenObservation"):
        NCPExtractor(space)
    for algorithm in ("PPO", "SAC", "DQN"):
        model = make_agent(algorithm)
        with pytest.raises(ValueError, match="FlattenObservation"):
            type(model.policy)(space, model.action_space, model.lr_schedule)


def test_window_must_have_a_time_axis() -> None:
    with pytest.raises(ValueError, match=r"shape \(T, F\)"):
        WindowExtractor(OBSERVATIONS["flat"])
    assert WindowExtractor(spaces.Box(0, 1, (3, 2), np.float32)).window == (3, 2)


def test_extractor_refuses_an_unknown_network() -> None:
    with pytest.raises(KeyError, match="'liquid', 'lstm', 'ltc', 'ncp'"):
        NCPExtractor(OBSERVATIONS["flat"], network="nope")


def test_extractor_refuses_sizes_by_role() -> None:
    with pytest.raises(ValueError, match="`n_neurons` must be an int"):
        NCPExtractor(OBSERVATIONS["flat"], n_neurons={"pi": 3})  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize(
    ("build", "recurrent", "error", "text"),
    [
        (
            lambda i, o: nn.Sequential(nn.Linear(i, 1), nn.Flatten(0)),
            False,
            ValueError,
            "must return",
        ),
        (
            lambda i, o: nn.Linear(i, o + 1),
            False,
            ValueError,
            r"\(5, 3\); got \(5, 4\)",
        ),
        (lambda i, o: None, False, TypeError, "returned NoneType"),
        (lambda i, o: nn.Linear(i, o), True, TypeError, "`forward_sequence`"),
    ],
)
def test_network_that_breaks_its_promise_is_named(
    build: Any, recurrent: bool, error: type[Exception], text: str
) -> None:
    networks().add("test-wrong", build, recurrent=recurrent, override=True)
    with pytest.raises(error, match=f"'test-wrong'.*{text}"):
        NetworkBody(networks()["test-wrong"], 6, 3, {})(torch.zeros(5, 6))
