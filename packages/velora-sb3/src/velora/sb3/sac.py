"""Policies for Stable-Baselines3's SAC."""

from stable_baselines3 import SAC
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.sac import policies as sac
from stable_baselines3.sac.policies import SACPolicy

from velora.sb3.common.actor_q_critic import GaussianActorNetworks
from velora.sb3.common.parts import GaussianActor, QCritics


class Actor(GaussianActor, sac.Actor):
    """The actor of a policy, as its `save` writes it."""


class Critic(QCritics, ContinuousCritic):
    """The critics of a policy or their targets, as their `save` writes them."""


class NetworkSACPolicy(GaussianActorNetworks, SACPolicy):
    """SAC's policy with networks for its dense layers; see `NetworkPolicy`."""

    actor_class = Actor
    critic_class = Critic


class NCPPolicy(NetworkSACPolicy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(NetworkSACPolicy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


SAC.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
