from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from rllib_modules import module

from velora.rllib import NetworkConfig, NetworkModule, to_network

CONFIGURED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown network": (
        dict(network="liqid"),
        r"`network` must be one of \['ncp', 'liquid', .*\]; got 'liqid'",
    ),
    "no memory": (
        dict(network="ncp", memory=True),
        r"one that remembers where memory=True .*; got 'ncp'.* Name one of \['liquid'",
    ),
    "memory": (
        dict(network="lstm", memory=False),
        r"one that does not remember where .*; got 'lstm'.* Name one of \['ncp'\]",
    ),
    "critic": (dict(critic="none"), r"`critic` must be one of .*; got 'none'"),
    "roles": (
        dict(n_neurons=dict(pi=8)),
        r"`n_neurons` must be a number, or a dict .*\['pi', 'vf'\]; got \{'pi': 8\}",
    ),
    "no name": (dict(network=["lstm"]), r"`network` must be one of .*; got \['lstm'\]"),
    "twice": (
        dict(n_neurons=3, network_kwargs=dict(n_neurons=4)),
        r"\['n_neurons'\] must be given once",
    ),
    "deviation": (dict(log_std_init=math.inf), r"`log_std_init` must be .*; got inf"),
    "length": (dict(max_seq_len=0), r"`max_seq_len` must be a number .*; got 0"),
    "kwargs": (dict(network_kwargs=3), r"`network_kwargs` must be a dict .*; got 3"),
}
UNFIXED = [
    spaces.Sequence(spaces.Discrete(2)),
    spaces.Dict(seen=spaces.Text(4)),
    spaces.Tuple((spaces.Text(4),)),
    spaces.Graph(spaces.Discrete(2), None),
]
UNSAMPLED = [
    spaces.Discrete(3, start=1),
    spaces.MultiDiscrete([[2, 3]]),
    spaces.MultiDiscrete([2, 3], start=[0, 1]),
    spaces.Box(-1, 1, (2, 2), np.float32),
    spaces.Box(0, 3, (2,), np.int64),
    spaces.MultiBinary(3),
    spaces.Dict(a=spaces.Discrete(2)),
]


@pytest.mark.parametrize(("given", "message"), CONFIGURED.values(), ids=CONFIGURED)
def test_a_config_is_refused_where_it_is_made(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**given)
    with pytest.raises(ValueError, match=message):
        module(**given)


def test_an_unknown_entry_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got 'n_neuron'. Did you mean 'n_neurons'\?"):
        module("ncp", n_neuron=3)


def test_what_a_builder_does_not_take_is_told_by_name() -> None:
    with pytest.raises(TypeError, match=r"of the network 'lstm' .*'sparsity_level'"):
        module("lstm", sparsity_level=0.5)


@pytest.mark.parametrize("space", UNFIXED, ids=str)
def test_an_observation_that_cannot_be_flattened_is_refused(space: Any) -> None:
    with pytest.raises(ValueError, match=r"must be of a fixed size.*; got .*connector"):
        module("ncp", observation_space=space)


@pytest.mark.parametrize("space", UNSAMPLED, ids=str)
def test_actions_that_cannot_be_sampled_are_refused(space: Any) -> None:
    with pytest.raises(ValueError, match=r"action space must be .*; got .*Wrap"):
        module("ncp", action_space=space)


def test_settings_of_rllibs_own_networks_change_nothing() -> None:
    theirs = dataclasses.asdict(DefaultModelConfig(fcnet_hiddens=[8]))
    assert NetworkConfig.of(theirs) == NetworkConfig()


def test_rllibs_way_to_ask_for_memory_asks_for_it() -> None:
    merged = dataclasses.asdict(NetworkConfig("liquid")) | dict(use_lstm=True)
    assert NetworkConfig.of(merged).memory
    with pytest.raises(ValueError, match=r"use_lstm\) asks for it; got 'ncp'"):
        NetworkConfig.of(dict(network="ncp", use_lstm=True))


def test_a_config_is_a_model_config() -> None:
    made = NetworkModule(
        observation_space=spaces.Discrete(2),
        action_space=spaces.Discrete(2),
        model_config=NetworkConfig("lstm", n_neurons=dict(pi=5, vf=7), max_seq_len=3),
    )
    sizes = made.actor.network.hidden_size, made.critic.network.hidden_size
    assert sizes == (5, 7)
    assert made.model_config["max_seq_len"] == 3


def test_a_folder_without_a_module_is_refused(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"folder with the module 'left'"):
        to_network(tmp_path, module_id="left")
