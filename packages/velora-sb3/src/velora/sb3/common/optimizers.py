"""Optimizers of policies: made once, and Adam fused."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import Schedule
from torch.optim import Adam, Optimizer

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
            chosen = any(group[name] for name in _HOW_ADAM_STEPS)
            if group["fused"] is None and not chosen:
                group["fused"] = True
