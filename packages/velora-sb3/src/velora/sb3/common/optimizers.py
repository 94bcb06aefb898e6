"""Optimizers of policies: made once, Adam fused, and steps as of dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from types import MethodType
from typing import Any

import torch
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from velora.models.lnn import SparseLinear

_FACTORS = "step_factors"  # of an optimizer whose steps are stretched
_MOST = 10.0  # as at the largest `sparsity_level`
_HOW_ADAM_STEPS = ("foreach", "capturable", "differentiable")


class NoOptimizer(Optimizer):
    """Stands for the optimizer of layers that are built, but never trained."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Takes what any optimizer takes, and keeps nothing."""


def withhold_optimizer(policy: BasePolicy) -> type[Optimizer]:
    """Lets a policy build its layers without an optimizer, as ours replace them.

    Returns:
        The class of the optimizer that it was to make, for `make_optimizer`.
    """
    withheld = policy.optimizer_class
    policy.optimizer_class = NoOptimizer
    return withheld


def make_optimizer(
    policy: BasePolicy, optimizer_class: type[Optimizer], lr_schedule: Schedule
) -> None:
    """Makes the optimizer of a policy that has its networks."""
    policy.optimizer_class = optimizer_class
    policy.optimizer = optimizer_class(
        policy.parameters(),
        lr=lr_schedule(1),  # type: ignore[call-arg]  # every optimizer has one
        **policy.optimizer_kwargs,
    )
    fuse_adam(policy.optimizer)


def fuse_adam(optimizer: Optimizer | None) -> None:
    """Lets Adam step all parameters at once, unless its options say how.

    The steps are the same; PyTorch takes them one parameter at a time on a CPU, a
    tenth of an update of small networks.
    """
    if isinstance(optimizer, Adam):
        for group in optimizer.param_groups:
            chosen = any(group.get(name) for name in _HOW_ADAM_STEPS)
            if "fused" in group and group["fused"] is None and not chosen:
                group["fused"] = True


def dense_step_factors(network: nn.Module) -> dict[Tensor, float]:
    """Returns by how much further weights must move for layers to move as dense ones.

    Adam and RMSprop move each weight by about the learning rate, and a neuron by the
    sum over the synapses that enter it. So where a share d of a network's weights has
    a synapse, all of them get 1/d, but 10 at most.

    Args:
        network: whose sparse layers are meant.
    """
    layers = [part for part in network.modules() if isinstance(part, SparseLinear)]
    n_weights = sum(layer.mask.numel() for layer in layers)
    n_synapses = sum(layer.n_synapses for layer in layers)
    factor = min(n_weights / max(n_synapses, 1), _MOST)
    weights = [layer.weight for layer in layers]
    return {weight: factor for weight in weights if isinstance(weight, nn.Parameter)}


def stretch_steps(optimizer: Optimizer, factors: Mapping[Tensor, float]) -> None:
    """Lets each step of an optimizer move some parameters further than it would.

    As if they had so many times the learning rate, which stays the algorithm's in all
    groups. What was said of them before is forgotten. A copy of an optimizer does not
    hold it.
    """
    is_stretched = hasattr(optimizer, _FACTORS)
    setattr(optimizer, _FACTORS, {p: far for p, far in factors.items() if far != 1})
    if is_stretched:
        return
    plain = optimizer.step

    @wraps(plain)
    def step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        further: dict[Tensor, float] = getattr(self, _FACTORS)
        before = [parameter.detach().clone() for parameter in further]
        found = plain(*args, **kwargs)
        with torch.no_grad():
            for (parameter, factor), old in zip(further.items(), before, strict=True):
                parameter.lerp_(old, 1 - factor)
        return found

    # A method, as schedulers of learning rates wrap it.
    optimizer.step = MethodType(step, optimizer)  # type: ignore[method-assign]  # of this one alone
