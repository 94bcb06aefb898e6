"""Policies for Stable-Baselines3's DQN."""

from typing import Any

from stable_baselines3 import DQN
from stable_baselines3.dqn import policies as dqn
from stable_baselines3.dqn.policies import DQNPolicy
from torch import nn

from velora.sb3.common.network_defaults import Q_VALUES
from velora.sb3.common.parts import DiscreteValues
from velora.sb3.common.policy import NetworkPolicy


class QNetwork(DiscreteValues, dqn.QNetwork):
    """The Q-network of a policy or its target, as its `save` writes it."""

    dense = "q_net"


class QNetworkPolicy(NetworkPolicy, DQNPolicy):
    """Motor neurons are the Q-values; the target has its twin's wiring."""

    roles = ("qf",)
    family = Q_VALUES

    q_net: Any  # whose `q_net` is a body

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network that the policy thinks with: "qf"."""
        return {"qf": self.q_net.q_net.network}

    def make_q_net(self) -> Any:
        """Makes the Q-network, or its target, with a network for its dense layer."""
        q_net: Any = super().make_q_net()
        QNetwork.adopt(q_net, self.choice)
        return q_net.to(self.device)


class NCPPolicy(QNetworkPolicy):
    """A sparse Q-network with an NCP wiring; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(QNetworkPolicy):
    """A liquid Q-network with an NCP wiring; see `NetworkPolicy`."""

    default_network = "liquid"


DQN.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
