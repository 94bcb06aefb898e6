"""The network that chooses a policy's actions, and what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from velora.models.lnn.wired import WiredNetwork
from velora.sb3.common.network_body import NetworkBody
from velora.sb3.networks import networks_of
from velora.sb3.recurrent.recurrent_body import RecurrentBody

Model = BaseAlgorithm | BasePolicy


@dataclass(frozen=True)
class Acting:
    """The network whose motor neurons are a policy's actions.

    Attributes:
        policy: whose actions they are.
        role: "pi", or "qf" of an algorithm without an actor.
        network: the network itself.
        body: what the policy calls to run it.
    """

    policy: Any
    role: str
    network: nn.Module
    body: NetworkBody | RecurrentBody

    @property
    def wired(self) -> WiredNetwork:
        """The network, where it has neurons of ours.

        Raises:
            TypeError: it is another one.
        """
        if not isinstance(self.network, WiredNetwork):
            raise TypeError(
                "The network that acts must have inter and command neurons, as a "
                "velora.models.lnn.wired.WiredNetwork; got "
                f"{type(self.network).__name__}. `trace` shows its states and motor "
                "neurons; lesions and influence need one such as "
                'network="ncp", "liquid" or "gated-leaky".'
            )
        return self.network


def acting_of(model: Model) -> Acting:
    """Finds the network that chooses the actions of a model.

    Raises:
        TypeError: the model thinks with no networks of Velora's.
    """
    networks = networks_of(model, nn.Module)
    role = "pi" if "pi" in networks else "qf"
    policy: Any = getattr(model, "policy", model)
    (body,) = (
        module
        for module in policy.modules()
        if isinstance(module, NetworkBody | RecurrentBody)
        and module.network is networks[role]
    )
    return Acting(policy, role, networks[role], body)
