"""The optimizer of a policy is the one asked for, made once, and Adam is fused."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from agents import ALGORITHMS, learn, make_agent
from recurrent_agents import CRITICS, make_model
from torch import nn

# What ARS varies, no optimizer does.
TRAINED = [name for name in ALGORITHMS if name != "ARS"]


class Counted(torch.optim.Adam):
    """Counts how many were made, and of how many parameters each."""

    made: ClassVar[list[int]] = []

    def __init__(self, params: Any, **options: Any) -> None:
        params = list(params)
        self.made.append(len(params))
        super().__init__(params, **options)


@pytest.fixture
def made() -> list[int]:
    Counted.made.clear()
    return Counted.made


@pytest.mark.parametrize("algorithm", TRAINED)
def test_optimizer_is_made_once(algorithm: str, made: list[int]) -> None:
    policy = make_agent(algorithm, policy_kwargs={"optimizer_class": Counted}).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    assert made == [len(part.optimizer.param_groups[0]["params"]) for part in parts]
    assert policy.optimizer_class is Counted
    assert policy._get_constructor_parameters()["optimizer_class"] is Counted


@pytest.mark.parametrize("use_sde", [False, True])
@pytest.mark.parametrize("critic", CRITICS)
def test_optimizer_of_a_recurrent_policy_is_made_once(
    critic: str, use_sde: bool, made: list[int]
) -> None:
    options = CRITICS[critic] | {"optimizer_class": Counted}
    policy = make_model(policy_kwargs=options, use_sde=use_sde).policy
    assert made == [len(list(policy.parameters()))]
    assert type(policy.optimizer) is policy.optimizer_class is Counted


@pytest.mark.parametrize("algorithm", TRAINED)
def test_optimizer_is_obeyed(algorithm: str) -> None:
    options = {
        "optimizer_class": torch.optim.SGD,
        "optimizer_kwargs": {"momentum": 0.5},
    }
    policy = learn(make_agent(algorithm, policy_kwargs=options)).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    for part in parts:
        assert isinstance(part.optimizer, torch.optim.SGD)
        assert part.optimizer.param_groups[0]["momentum"] == 0.5
    trained = {p for part in parts for p in part.optimizer.param_groups[0]["params"]}
    expected = set(nn.ModuleList(policy.networks.values()).parameters())
    assert trained - {getattr(policy, "log_std", None)} == expected


# A2C takes RMSprop.
@pytest.mark.parametrize("algorithm", [name for name in TRAINED if name != "A2C"])
@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"fused": False}])
def test_adam_is_fused_unless_its_options_say_how(
    algorithm: str, options: dict[str, bool]
) -> None:
    given: dict[str, Any] = {}
    if options:
        given = {"optimizer_class": torch.optim.Adam, "optimizer_kwargs": options}
    policy = learn(make_agent(algorithm, policy_kwargs=given)).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    for part in parts:
        (group,) = part.optimizer.param_groups
        assert bool(group["fused"]) == (not options)


def test_fused_adam_takes_the_same_steps() -> None:
    models = [
        learn(make_agent("PPO", policy_kwargs={"optimizer_kwargs": {"fused": fused}}))
        for fused in (True, False)
    ]
    for fused, plain in zip(*(m.policy.parameters() for m in models), strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-6)
