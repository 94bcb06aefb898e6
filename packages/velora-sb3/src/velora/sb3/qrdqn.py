"""Policies for sb3-contrib's QR-DQN."""

from typing import Any

from torch import nn

from velora.sb3.common import contrib
from velora.sb3.common.contrib import QRDQN, QRDQNPolicy
from velora.sb3.common.network_defaults import Q_VALUES
from velora.sb3.common.parts import DiscreteValues
from velora.sb3.common.policy import NetworkPolicy


class QuantileNetwork(DiscreteValues, contrib.QuantileNetwork):
    """The network of a policy or its target, as its `save` writes it."""

    dense = "quantile_net"


class QuantileNetworkPolicy(NetworkPolicy, QRDQNPolicy):
    """Motor neurons are the quantiles of every action's return.

    The target has its twin's wiring.
    """

    roles = ("qf",)
    family = Q_VALUES

    quantile_net: Any  # whose `quantile_net` is a body

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network that the policy thinks with: "qf"."""
        return {"qf": self.quantile_net.quantile_net.network}

    def make_quantile_net(self) -> Any:
        """Makes the network, or its target, with a network for its dense layer."""
        quantile_net: Any = super().make_quantile_net()
        QuantileNetwork.adopt(quantile_net, self.choice)
        return quantile_net.to(self.device)


class NCPPolicy(QuantileNetworkPolicy):
    """A sparse network of quantiles with an NCP wiring; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(QuantileNetworkPolicy):
    """A liquid network of quantiles with an NCP wiring; see `NetworkPolicy`."""

    default_network = "liquid"


QRDQN.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
