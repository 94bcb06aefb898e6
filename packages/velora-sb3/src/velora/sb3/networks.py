"""The networks that a model thinks with, by role."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from velora.models.lnn.wired import WiredNetwork
from velora.sb3.common.policy import NetworkPolicy

N = TypeVar("N", bound=nn.Module)


@overload
def networks_of(model: BaseAlgorithm | BasePolicy) -> dict[str, WiredNetwork]: ...


@overload
def networks_of(model: BaseAlgorithm | BasePolicy, kind: type[N]) -> dict[str, N]: ...


def networks_of(
    model: BaseAlgorithm | BasePolicy, kind: type[Any] = WiredNetwork
) -> dict[str, Any]:
    """Returns the networks that a model thinks with, by role.

        print(networks_of(model)["pi"].wiring)

    Args:
        model: an algorithm of Stable-Baselines3, or its policy.
        kind: what each of them is, of which the type checker then knows. `nn.Module`
            takes any, also a plugin's that has no wiring.

    Returns:
        The networks themselves: "pi" and "vf", "pi", "qf0" and "qf1", or "qf".

    Raises:
        TypeError: the model thinks with other networks.
    """
    policy = getattr(model, "policy", model)
    if not isinstance(policy, NetworkPolicy):
        raise TypeError(
            "`model` must be an algorithm with a policy of Velora's, or such a policy; "
            f'got {type(policy).__name__}. Train with "NCPPolicy" or "LiquidPolicy".'
        )
    for role, network in policy.networks.items():
        if not isinstance(network, kind):
            raise TypeError(
                f"Each network of `model` must be a {kind.__name__}; got "
                f"{type(network).__name__} for {role!r}. Pass its class, or nn.Module, "
                "as `kind`."
            )
    return policy.networks
