"""Policies with an actor and a value network (PPO, A2C, TRPO, MaskablePPO)."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from velora.sb3.common.network_defaults import ON_POLICY
from velora.sb3.common.optimizers import make_optimizer, withhold_optimizer
from velora.sb3.common.policy import NetworkPolicy


class ActorCriticNetworks(NetworkPolicy):
    """Actor and critic are networks with wirings of their own; see `NetworkPolicy`.

    Motor neurons are the logits or means of the actions, and the value. The noise of
    gSDE is a function of the features, as no latent layer is left.
    """

    roles = ("pi", "vf")
    family = ON_POLICY

    action_net: Any  # a body
    value_net: Any  # a body
    pi_features_extractor: Any
    vf_features_extractor: Any

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi" and "vf"."""
        return {"pi": self.action_net.network, "vf": self.value_net.network}

    def _build(self, lr_schedule: Schedule) -> None:
        optimizer_class = withhold_optimizer(self)
        super()._build(lr_schedule)  # type: ignore[misc]  # of the policy that follows
        # The dense layers that Stable-Baselines3 has built only tell their sizes.
        self.action_net = self.choice.body(
            "pi", self.pi_features_extractor, self.action_net.out_features
        )
        self.value_net = self.choice.body("vf", self.vf_features_extractor, 1)
        make_optimizer(self, optimizer_class, lr_schedule)


class NCPActorCriticPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Sparse actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidActorCriticPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Liquid actor and critic with NCP wirings; see `NetworkPolicy`.

    The cells run over the time axis of a (T, F) observation, as gymnasium's
    `FrameStackObservation` makes it, and from a zero state on any other.
    """

    default_network = "liquid"
