"""The networks of a model are those that its policy thinks with."""

from __future__ import annotations

from typing import Any

import pytest
from agents import ALGORITHMS, make_agent, make_env
from recurrent_agents import CRITICS, make_model
from stable_baselines3 import PPO
from torch import nn
from toy_networks import Pair

from velora.models import GatedLeakyNCPNetwork, NCPNetwork
from velora.sb3 import networks_of

pytestmark = pytest.mark.usefixtures("toy_networks")
DENSE = {"network": "test-dense", "n_neurons": None}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_networks_of_an_algorithm_are_those_of_its_policy(algorithm: str) -> None:
    model = make_agent(algorithm)
    expected = model.policy.networks
    for networks in (networks_of(model), networks_of(model.policy, NCPNetwork)):
        assert networks == expected
        assert all(networks[role] is expected[role] for role in expected)


def test_networks_of_a_recurrent_policy_may_be_of_two_kinds() -> None:
    model = make_model(policy_kwargs=CRITICS["feed-forward"])
    kinds = {role: type(network) for role, network in networks_of(model).items()}
    assert kinds == {"pi": GatedLeakyNCPNetwork, "vf": NCPNetwork}


def test_networks_of_a_plugin_have_its_class() -> None:
    model = make_model(policy_kwargs={"network": "test-pair"})
    pi = networks_of(model, Pair)["pi"]
    assert pi is networks_of(model, nn.Module)["pi"]
    assert pi.slow.in_features == 5


@pytest.mark.parametrize(
    ("model", "kind", "text"),
    [
        (
            lambda: PPO("MlpPolicy", make_env(), device="cpu"),
            (),
            r'`model` must .* got ActorCriticPolicy\. Train with "NCPPolicy"',
        ),
        (lambda: nn.Linear(1, 1), (), "`model` must .* got Linear"),
        (
            lambda: make_agent(policy_kwargs=DENSE),
            (),
            r"must be a WiredNetwork; got Linear for 'pi'\. Pass .* nn\.Module",
        ),
        (
            lambda: make_model(policy_kwargs=CRITICS["feed-forward"]),
            (GatedLeakyNCPNetwork,),
            "must be a GatedLeakyNCPNetwork; got NCPNetwork for 'vf'",
        ),
    ],
)
def test_model_with_other_networks_is_refused(model: Any, kind: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        networks_of(model(), *kind)
