"""Policies for sb3-contrib's MaskablePPO."""

from velora.sb3.common.actor_critic import ActorCriticNetworks
from velora.sb3.common.contrib import MaskableActorCriticPolicy, MaskablePPO


class NCPPolicy(ActorCriticNetworks, MaskableActorCriticPolicy):
    """Sparse actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(ActorCriticNetworks, MaskableActorCriticPolicy):
    """Liquid actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


MaskablePPO.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
