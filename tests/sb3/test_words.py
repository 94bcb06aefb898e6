"""A typo, or a thing of another kind, is answered in words that help."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from agents import ALGORITHMS, make_agent, make_env
from recurrent_agents import make_model
from sb3_contrib import RecurrentPPO
from stable_baselines3 import SAC
from stable_baselines3.sac.policies import SACPolicy
from torch import nn

from velora.models import NCPNetwork
from velora.plugins import networks
from velora.sb3 import LiquidExtractor, NCPExtractor, sac
from velora.sb3.common.actor_q_critic import GaussianActorNetworks
from velora.sb3.common.keywords import keywords_of

EVERY = [*ALGORITHMS, "RecurrentPPO"]


def make(algorithm: str, **options: Any) -> Any:
    if algorithm == "RecurrentPPO":
        return make_model(policy_kwargs=options)
    return make_agent(algorithm, policy_kwargs=options)


@pytest.mark.parametrize("algorithm", EVERY)
@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("n_neuron", "n_neurons"),
        ("sparsity_levl", "sparsity_level"),
        ("network_kwarg", "network_kwargs"),
        ("features_extractor_clas", "features_extractor_class"),
    ],
)
def test_argument_that_was_meant_is_named(
    algorithm: str, typo: str, meant: str
) -> None:
    with pytest.raises(TypeError, match=f"takes no '{typo}'.*did you mean '{meant}'"):
        make(algorithm, **{typo: 64})


OWN = {
    "PPO": {"log_std_init", "ortho_init", "use_expln"},
    "SAC": {"n_critics", "clip_mean", "share_features_extractor"},
    "CrossQ": {"n_critics", "batch_norm"},
    "TQC": {"n_quantiles", "n_critics"},
    "QRDQN": {"n_quantiles"},
    "ARS": {"squash_output"},
    "RecurrentPPO": {"timespan_key", "shared_lstm", "enable_critic_lstm"},
}
LAYERS = {"net_arch", "activation_fn"}
FOREIGN = {"lstm_hidden_size", "observation_space", "self"}


@pytest.mark.parametrize("algorithm", EVERY)
def test_arguments_that_are_known_are_listed(algorithm: str) -> None:
    with pytest.raises(TypeError, match=r"takes no 'zzz'\. It takes \[.*\]\.") as error:
        make(algorithm, zzz=1)
    known = {"n_neurons", "network", "optimizer_class"} | OWN.get(algorithm, set())
    if algorithm == "ARS":
        known.remove("optimizer_class")
    listed = set(str(error.value).split("[")[1].split("]")[0].strip("'").split("', '"))
    assert known <= listed
    assert not listed & FOREIGN
    assert listed & LAYERS == (LAYERS if algorithm in ALGORITHMS else set())


def test_policy_of_mine_may_take_more() -> None:
    class Early(sac.NCPPolicy):
        def __init__(self, *args: Any, colour: str = "red", **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    class Late(SACPolicy):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.__dict__["colour"] = kwargs.pop("colour")
            super().__init__(*args, **kwargs)

    class Both(GaussianActorNetworks, Late):
        default_network = "ncp"

    env = make_env("flat", "box")
    for kind in (Early, Both):
        SAC(kind, env, policy_kwargs={"colour": "blue"}, device="cpu")
    with pytest.raises(TypeError, match="did you mean 'colour'"):
        SAC(Early, env, policy_kwargs={"color": "blue"}, device="cpu")
    with pytest.raises(TypeError, match="'n_neuron'"):  # of what it takes nobody knows
        SAC(Both, env, policy_kwargs={"colour": "blue", "n_neuron": 3}, device="cpu")


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "DQN", "RecurrentPPO"])
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"wirng": "dense"}, "takes no 'wirng'.*'wiring'.*did you mean 'wiring'"),
        ({"zzz": 1}, r"takes no 'zzz'\. It takes \[.*'device'.*'norm'"),
        ({"in_features": 3}, "takes no 'in_features'"),
        ({1: 2}, "`network_kwargs` must be a dict of options by their names"),
        (5, "`network_kwargs` must be a dict"),
        ([("a", 1)], "`network_kwargs` must be a dict"),
        ("wiring", "`network_kwargs` must be a dict"),
    ],
)
def test_options_of_a_network_are_explained(
    algorithm: str, options: Any, text: str
) -> None:
    with pytest.raises(TypeError, match=text):
        make(algorithm, network_kwargs=options)


class Closed(nn.Linear):
    def __init__(self, in_features: int, out_features: int, *, hidden: int = 3) -> None:
        super().__init__(in_features, out_features)


class Composed(nn.Module):
    """Hands its options to something that is none of its bases."""

    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(in_features, out_features, **options)


class Nested(NCPNetwork):
    """Hands its options to a layer, while its base is closed."""

    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__(in_features, 12, out_features)
        self.other = Composed(in_features, out_features, **options)


def wrapped(in_features: int, out_features: int, **options: Any) -> Closed:
    return Closed(in_features, out_features, **options)


def test_what_a_builder_takes_is_found() -> None:
    sizes = {"in_features", "out_features"}
    assert keywords_of(Closed) == keywords_of(wrapped) == sizes | {"hidden"}
    assert keywords_of(partial(Closed, 1)) == {"out_features", "hidden"}
    assert keywords_of(Composed) is None
    assert "wiring" in (keywords_of(networks()["liquid"].build) or ())


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (Closed, r"'test-words' takes no 'hiden'.*did you mean 'hidden'"),
        (wrapped, r"'test-words' takes no 'hiden'.*did you mean 'hidden'"),
        (lambda i, o: nn.Linear(i, o), r"takes no 'hiden'\. It takes none\."),
        (Composed, r"unexpected keyword argument 'hiden'"),
    ],
)
def test_options_of_a_network_of_a_plugin_are_explained(build: Any, text: str) -> None:
    networks().add("test-words", build, override=True)
    options = {"network": "test-words", "n_neurons": None}
    with pytest.raises(TypeError, match=text):
        make_agent(policy_kwargs=options | {"network_kwargs": {"hiden": 3}})


def test_options_that_only_the_builder_knows_are_handed_over() -> None:
    networks().add("test-words", Nested, override=True)
    options = {"network": "test-words", "n_neurons": None}
    make_agent(policy_kwargs=options | {"network_kwargs": {"bias": False}})


@pytest.mark.parametrize(
    "of",
    [partial(make, "PPO"), partial(NCPExtractor, make_env().observation_space)],
    ids=["policy", "extractor"],
)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"network": []}, r"`network` must be the name of a network; got \[\]"),
        ({"network": 5}, "`network` must be the name"),
        ({"network": NCPNetwork}, r"networks\(\)\.add\(name, builder\)"),
        ({"n_neurons": [64, 64]}, r"must be one number.*got \[64, 64\].*net_arch"),
        ({"n_neurons": (64,)}, "must be one number"),
        ({"n_neurons": {"pi": [8], "vf": 8}}, r"must be one number.*got \[8\]"),
        ({"n_neurons": "64"}, "`n_neurons` must be an integer"),
        ({"n_neurons": np.ones(2)}, "`n_neurons` must be an integer"),
    ],
)
def test_things_of_another_kind_are_refused(of: Any, options: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        of(**options)


@pytest.mark.parametrize("size", [10**400, -1])
def test_sizes_are_refused_as_by_the_network_itself(size: int) -> None:
    with pytest.raises((ValueError, OverflowError)) as expected:
        NCPNetwork(6, size, 4)
    for sizes in (size, {"pi": size, "vf": 8}):
        with pytest.raises(expected.type) as caught:
            make_agent(policy_kwargs={"n_neurons": sizes})
        assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize("kind", [NCPExtractor, LiquidExtractor])
def test_extractor_names_what_was_meant(kind: Any) -> None:
    space = make_env("window").observation_space
    with pytest.raises(TypeError, match=rf"{kind.__name__} takes no 'n_neuron'.*mean"):
        kind(space, n_neuron=5)
    for dim, error in ((0, ValueError), ("x", TypeError), (2.5, TypeError)):
        with pytest.raises(error, match="`features_dim` must be"):
            kind(space, dim)
    with pytest.raises(TypeError, match="Pass the class itself"):
        make_agent(policy_kwargs={"features_extractor_class": kind.__name__})


def test_recurrent_ppo_names_the_policy_that_was_meant() -> None:
    with pytest.raises(ValueError, match='"LiquidPolicy" here, or "NCPPolicy" to PPO'):
        RecurrentPPO("NCPPolicy", make_env())
    with pytest.raises(ValueError, match="`timespan_key` must name a Box"):
        make_model(policy_kwargs={"timespan_key": []})
