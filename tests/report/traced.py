"""Agents to trace, and what their traces are compared by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from agents import ALGORITHMS, POLICIES, RandomEnv, make_agent
from recurrent_agents import make_model
from torch import nn

from velora.report import Trace
from velora.wiring import Connectome, LayerMasks

EVERY = [
    (algorithm, policy, actions)
    for algorithm, spec in ALGORITHMS.items()
    for policy in POLICIES
    for actions in spec.actions
]
ORPHANS = {"inter": 2, "command": 1}
"""Neurons that no synapse leaves, in what `orphaned` makes."""


def orphaned(
    in_features: int, n_neurons: int, out_features: int, **_: Any
) -> Connectome:
    """Wires two neurons to nothing."""
    masks = LayerMasks(
        inter=torch.ones(in_features, 5),
        command=torch.ones(5, 4),
        motor=torch.ones(4, out_features),
    )
    masks.command[ORPHANS["inter"]] = 0
    masks.motor[ORPHANS["command"]] = 0
    return Connectome(masks)


ORPHANED = {"n_neurons": 9, "network_kwargs": {"wiring": orphaned}}


def each_kind(**policy_kwargs: Any) -> Iterator[Any]:
    """Makes an agent without memory, with windows, and with states of each cell."""
    for policy in POLICIES:
        yield make_agent("PPO", policy, policy_kwargs=policy_kwargs)
    yield make_agent("CrossQ", policy_kwargs=policy_kwargs)  # which normalises
    for network in ("liquid", "gated-leaky"):
        options = {"network": network, "n_neurons": 12} | policy_kwargs
        yield make_model(policy_kwargs=options)


KINDS = ["feed-forward", "window", "normalised", "liquid", "gated-leaky"]


def kind(name: str, **policy_kwargs: Any) -> Any:
    """Makes one of these by its name in `KINDS`."""
    return dict(zip(KINDS, each_kind(**policy_kwargs), strict=True))[name]


def assert_same(
    trace: Trace, other: Trace, *, rtol: float = 0, atol: float = 0
) -> None:
    """Compares all that two traces hold."""
    mine, others = trace._as_arrays(), other._as_arrays()
    assert mine.keys() == others.keys()
    for name, array in mine.items():
        assert array.dtype == others[name].dtype, name
        if array.dtype.kind == "U":
            assert array == others[name]
        else:
            np.testing.assert_allclose(others[name], array, rtol, atol, err_msg=name)


def content(module: nn.Module) -> dict[str, torch.Tensor]:
    """Returns a copy of all that a module holds."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_untouched(module: nn.Module, before: dict[str, torch.Tensor]) -> None:
    """Sees that a module holds the same bits as before, and has no hook."""
    after = module.state_dict()
    assert after.keys() == before.keys()
    for name, value in before.items():
        assert value.numpy().tobytes() == after[name].numpy().tobytes(), name
    for part in module.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks


class Failing(RandomEnv):
    """Breaks down at its seventh step; here, where other processes find it."""

    def step(self, action: object) -> Any:
        if self.left == 3:
            raise ArithmeticError("it broke down")
        return super().step(action)
