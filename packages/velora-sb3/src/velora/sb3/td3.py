"""Policies for Stable-Baselines3's TD3."""

from stable_baselines3 import TD3
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.td3 import policies as td3
from stable_baselines3.td3.policies import TD3Policy

from velora.sb3.common.actor_q_critic import DeterministicActorNetworks
from velora.sb3.common.parts import DeterministicActor, QCritics


class Actor(DeterministicActor, td3.Actor):
    """The actor of a policy or its target, as its `save` writes it."""


class Critic(QCritics, ContinuousCritic):
    """The critics of a policy or their targets, as their `save` writes them."""


class NetworkTD3Policy(DeterministicActorNetworks, TD3Policy):
    """TD3's policy with networks for its dense layers; see `NetworkPolicy`."""

    actor_class = Actor
    critic_class = Critic


class NCPPolicy(NetworkTD3Policy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(NetworkTD3Policy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


TD3.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
