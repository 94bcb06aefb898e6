"""Policies with an actor and Q-critics (SAC, TQC, CrossQ, TD3, DDPG)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from velora.sb3.common.network_body import NetworkBody
from velora.sb3.common.network_defaults import ACTOR_Q_CRITIC
from velora.sb3.common.parts import (
    Columns,
    DeterministicActor,
    GaussianActor,
    NetworkPart,
    Norm,
    QCritics,
)
from velora.sb3.common.policy import NetworkPolicy

__all__ = [
    "ActorQCriticNetworks",
    "Columns",
    "DeterministicActorNetworks",
    "GaussianActorNetworks",
]


class ActorQCriticNetworks(NetworkPolicy):
    """Actor and critics are networks with wirings of their own; see `NetworkPolicy`.

    A critic's motor neurons are its Q-values (one) or quantiles. A target network is
    a copy of its twin, wiring included. Over a window a recurrent critic sees the
    action at every step.

    Attributes:
        actor_class: what an actor of Stable-Baselines3 becomes, so that it can be saved
            alone: a class of its algorithm's module.
        critic_class: what critics become.
    """

    roles = ("pi", "qf")
    family = ACTOR_Q_CRITIC
    actor_class: ClassVar[type[NetworkPart]]
    critic_class: ClassVar[type[NetworkPart]] = QCritics

    actor: Any
    critic: Any

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi", "qf0", "qf1", ..."""
        return {"pi": self._actor_body().network} | {
            f"qf{index}": body.network
            for index, body in enumerate(self.critic.q_networks)
        }

    @abstractmethod
    def _actor_body(self) -> NetworkBody:
        """Returns where the actor's network is."""

    def _norm(self) -> Norm | None:
        """Returns what normalises the inputs of each layer, if the algorithm does."""
        return None

    def make_actor(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes an actor, or its target, with a network for its dense layers."""
        actor: Any = super().make_actor(features_extractor)  # type: ignore[misc]  # of the policy that follows
        self.actor_class.adopt(actor, self.choice, self._norm())
        return actor.to(self.device)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes critics, or their targets, with networks for their dense layers."""
        critic: Any = super().make_critic(features_extractor)  # type: ignore[misc]  # of the policy that follows
        self.critic_class.adopt(critic, self.choice, self._norm())
        return critic.to(self.device)


class GaussianActorNetworks(ActorQCriticNetworks):
    """The actor of SAC, TQC and CrossQ: motor neurons are means and log deviations.

    With gSDE they are the means alone; its noise is a function of the features, as
    no latent layer is left.
    """

    actor_class = GaussianActor

    def _actor_body(self) -> NetworkBody:
        body: NetworkBody
        body = self.actor.mu[0] if self.actor.use_sde else self.actor.latent_pi
        return body


class DeterministicActorNetworks(ActorQCriticNetworks):
    """The actor of TD3 and DDPG: motor neurons are the actions, before their tanh."""

    actor_class = DeterministicActor

    def _actor_body(self) -> NetworkBody:
        body: NetworkBody = self.actor.mu[0]
        return body
