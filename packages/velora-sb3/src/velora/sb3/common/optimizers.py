"""Optimizers of policies: made once, Adam fused, and steps as of dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import Schedule
from torch.optim import Adam, Optimizer

from velora.models.lnn import SparseLinear

_FACTOR = "step_factor"  # of a group, by which its parameters move further
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
    policy: BasePolicy,
    optimizer_class: type[Optimizer],
    lr_schedule: Schedule,
    as_dense: Sequence[SparseLinear] = (),
) -> None:
    """Makes the optimizer of a policy that has its networks.

    Args:
        policy: whose it is.
        optimizer_class: what `withhold_optimizer` has returned.
        lr_schedule: of the algorithm.
        as_dense: layers that a step shall move as far as dense ones; see `step_factor`.
    """
    weights = {layer.weight for layer in as_dense}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in policy.parameters() if p not in weights]},
        {"params": [layer.weight for layer in as_dense], _FACTOR: 1.0},
    ]
    policy.optimizer_class = optimizer_class
    policy.optimizer = optimizer_class(
        groups if weights else policy.parameters(),
        lr=lr_schedule(1),  # type: ignore[call-arg]  # every optimizer has one
        **policy.optimizer_kwargs,
    )
    fuse_adam(policy.optimizer)
    if weights:
        set_step_factor(policy.optimizer, as_dense)
        stretch_steps(policy.optimizer)


def set_step_factor(optimizer: Optimizer, layers: Sequence[SparseLinear]) -> None:
    """Sets by how much further weights move, so that layers move as dense ones do.

    Adam and RMSprop move each weight by about the learning rate, and a neuron by the
    sum over the synapses that enter it. So where a share d of a layer's weights has a
    synapse, they get 1/d times the learning rate. The share is that of all the layers
    together, as each group of parameters takes a step of its own.
    """
    n_weights = sum(layer.mask.numel() for layer in layers)
    n_synapses = sum(layer.n_synapses for layer in layers)
    for group in optimizer.param_groups:
        if _FACTOR in group:
            group[_FACTOR] = n_weights / max(n_synapses, 1)


def stretch_steps(optimizer: Optimizer) -> None:
    """Lets an optimizer obey the factor of a group.

    Algorithms write the learning rate of the moment into each group, so it is
    multiplied for the time of a step alone. A copy of an optimizer does not hold its
    hooks, and needs this anew.
    """
    rates: list[Any] = []

    def lengthen(*_: Any) -> None:
        rates[:] = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * group.get(_FACTOR, 1.0)

    def restore(*_: Any) -> None:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    optimizer.register_step_pre_hook(lengthen)
    optimizer.register_step_post_hook(restore)


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
