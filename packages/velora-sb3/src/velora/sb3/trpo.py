"""Policies for sb3-contrib's TRPO."""

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

from velora.sb3.actor_critic import ActorCriticNetworks
from velora.sb3.contrib import TRPO


class TrustRegionPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Keeps weights zero where no synapse is, whatever direction TRPO steps in.

    Its conjugate gradients start from random numbers for every parameter.
    """

    def predict_values(self, obs: PyTorchObs) -> Tensor:
        """Returns the (B, 1) values; TRPO asks for them once the actor has moved."""
        self.zero_masked_weights()
        return super().predict_values(obs)


class NCPPolicy(TrustRegionPolicy):
    """Sparse actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(TrustRegionPolicy):
    """Liquid actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


TRPO.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
