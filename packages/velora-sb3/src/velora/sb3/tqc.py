"""Policies for sb3-contrib's TQC."""

from typing import Any

from velora.sb3.common.actor_q_critic import GaussianActorNetworks
from velora.sb3.common.contrib import TQC, TQCActor, TQCCritic, TQCPolicy
from velora.sb3.common.network_defaults import QUANTILES
from velora.sb3.common.parts import GaussianActor, QCritics


class Actor(GaussianActor, TQCActor):
    """The actor of a policy, as its `save` writes it."""


class Critic(QCritics, TQCCritic):
    """The critics of a policy or their targets, as their `save` writes them."""

    def _get_constructor_parameters(self) -> dict[str, Any]:
        data = super()._get_constructor_parameters()
        return data | {"n_quantiles": self.n_quantiles}


class NetworkTQCPolicy(GaussianActorNetworks, TQCPolicy):
    """TQC's policy with networks for its dense layers; see `NetworkPolicy`."""

    family = QUANTILES
    actor_class = Actor
    critic_class = Critic


class NCPPolicy(NetworkTQCPolicy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(NetworkTQCPolicy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


TQC.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
