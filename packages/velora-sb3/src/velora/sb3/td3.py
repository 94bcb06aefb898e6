"""Policies for Stable-Baselines3's TD3."""

from stable_baselines3 import TD3
from stable_baselines3.td3.policies import TD3Policy

from velora.sb3.common.actor_q_critic import DeterministicActorNetworks


class NCPPolicy(DeterministicActorNetworks, TD3Policy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(DeterministicActorNetworks, TD3Policy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


TD3.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
