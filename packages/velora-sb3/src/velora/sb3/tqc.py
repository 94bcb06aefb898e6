"""Policies for sb3-contrib's TQC."""

from velora.sb3.common.actor_q_critic import GaussianActorNetworks
from velora.sb3.common.contrib import TQC, TQCPolicy


class NCPPolicy(GaussianActorNetworks, TQCPolicy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(GaussianActorNetworks, TQCPolicy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


TQC.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
