"""Policies for sb3-contrib's TRPO."""

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from velora.sb3.common.actor_critic import ActorCriticNetworks
from velora.sb3.common.contrib import TRPO


class TrustRegionPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Keeps weights zero where no synapse is, whatever direction TRPO steps in.

    Its conjugate gradients start from random numbers for every parameter.

    Raises:
        ValueError: a parameter of the actor has "value" in its name, by which TRPO
            tells the critic's parameters from those it steps.
    """

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        actor = {"pi_features_extractor": self.pi_features_extractor}
        actor["action_net"] = self.action_net
        for part, module in actor.items():
            for name, _ in module.named_parameters():
                if "value" in name:
                    raise ValueError(
                        "TRPO never trains an actor's parameter that has 'value' in "
                        f"its name; got {part}.{name}. Rename it."
                    )

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
