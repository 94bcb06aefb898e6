"""Bad input is refused at construction, in words that name the fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from stable_baselines3 import PPO
from torch import nn

from velora.plugins import networks
from velora.sb3 import NCPExtractor
from velora.sb3.body import NetworkBody


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"network": "nope"}, KeyError, "'liquid', 'ncp'"),
        ({"n_neurons": {"pi": 8}}, ValueError, r"\['pi', 'vf'\]; got a dict with"),
        ({"n_neurons": {"pi": 8, "vf": 8, "qf": 8}}, ValueError, r"'qf'\]"),
        ({"n_neurons": -3}, ValueError, "`n_neurons` must be at least 2; got -3"),
        ({"n_neurons": 8.0}, TypeError, "`n_neurons` must be an integer"),
        ({"sparsity_level": 0.95}, ValueError, r"must be between '\[0.1, 0.9\]'"),
        ({"init_type": "nope"}, ValueError, "kaiming_uniform"),
        ({"network_kwargs": {"nope": 1}}, TypeError, "nope"),
        (
            {"n_neurons": 8, "network_kwargs": {"n_neurons": 9}},
            ValueError,
            r"\['n_neurons'\] must be given once",
        ),
        ({"net_arch": [64, 64]}, ValueError, "`n_neurons`"),
        ({"nope": 1}, TypeError, "nope"),
    ],
)
@pytest.mark.filterwarnings("ignore:A recurrent network")
@pytest.mark.parametrize("policy", ["NCPPolicy", "LiquidPolicy"])
def test_bad_policy_kwargs_are_refused(
    policy: str,
    options: dict[str, Any],
    error: type[Exception],
    text: str,
    make_env: Callable[..., Any],
) -> None:
    with pytest.raises(error, match=text):
        PPO(policy, make_env(), policy_kwargs=options)


def test_extractor_refuses_an_unknown_network(make_env: Callable[..., Any]) -> None:
    with pytest.raises(KeyError, match="'liquid', 'ncp'"):
        NCPExtractor(make_env().observation_space, network="nope")


def test_extractor_refuses_sizes_by_role(make_env: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="`n_neurons` must be an int"):
        NCPExtractor(make_env().observation_space, n_neurons={"pi": 3})  # type: ignore[arg-type]  # what is tested


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
        NetworkBody("test-wrong", 6, 3, {})(torch.zeros(5, 6))
