"""Policies for Stable-Baselines3's SAC."""

from stable_baselines3 import SAC
from stable_baselines3.sac.policies import SACPolicy

from velora.sb3.common.actor_q_critic import GaussianActorNetworks


class NCPPolicy(GaussianActorNetworks, SACPolicy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(GaussianActorNetworks, SACPolicy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


SAC.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
