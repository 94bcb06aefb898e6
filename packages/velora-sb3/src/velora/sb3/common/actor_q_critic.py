"""Policies with an actor and Q-critics (SAC, TQC, CrossQ, TD3, DDPG)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from velora.sb3.common.network_body import NetworkBody
from velora.sb3.common.policy import NetworkPolicy


class ActorQCriticNetworks(NetworkPolicy):
    """Actor and critics are networks with wirings of their own; see `NetworkPolicy`.

    A critic's motor neurons are its Q-values (one) or quantiles. A target network is
    a copy of its twin, wiring included. Over a window a recurrent critic sees the
    action at every step.
    """

    roles = ("pi", "qf")

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

    def _body(
        self,
        role: str,
        inputs: BaseFeaturesExtractor,
        out_features: int,
        n_actions: int = 0,
    ) -> NetworkBody:
        return self.choice.body(
            role, inputs, out_features, n_actions=n_actions, norm=self._norm()
        )

    def _norm(self) -> Callable[[int], nn.Module] | None:
        """Returns what normalises the inputs of each layer, if the algorithm does."""
        return None

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes critics, or their targets, with networks for their dense layers."""
        critic: Any = super().make_critic(features_extractor)  # type: ignore[misc]  # of the policy that follows
        for index, dense in enumerate(critic.q_networks):
            body = self._body(
                "qf",
                critic.features_extractor,
                dense[-1].out_features,
                n_actions=get_action_dim(self.action_space),
            )
            critic.q_networks[index] = body
            setattr(critic, f"qf{index}", body)
        return critic.to(self.device)


class GaussianActorNetworks(ActorQCriticNetworks):
    """The actor of SAC, TQC and CrossQ: motor neurons are means and log deviations.

    With gSDE they are the means alone; its noise is a function of the features, as
    no latent layer is left.
    """

    def make_actor(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes an actor with a network for its dense layers."""
        actor: Any = super().make_actor(features_extractor)  # type: ignore[misc]  # of the policy that follows
        n_actions = get_action_dim(self.action_space)
        inputs = actor.features_extractor
        if actor.use_sde:
            clip = list(actor.mu)[1:] if isinstance(actor.mu, nn.Sequential) else []
            actor.mu = nn.Sequential(self._body("pi", inputs, n_actions), *clip)
        else:
            actor.latent_pi = self._body("pi", inputs, 2 * n_actions)
            actor.mu = Columns(0, n_actions)
            actor.log_std = Columns(n_actions, 2 * n_actions)
        return actor.to(self.device)

    def _actor_body(self) -> NetworkBody:
        body: NetworkBody
        body = self.actor.mu[0] if self.actor.use_sde else self.actor.latent_pi
        return body


class DeterministicActorNetworks(ActorQCriticNetworks):
    """The actor of TD3 and DDPG: motor neurons are the actions, before their tanh."""

    def make_actor(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes an actor, or its target, with a network for its dense layers."""
        actor: Any = super().make_actor(features_extractor)  # type: ignore[misc]  # of the policy that follows
        n_actions = get_action_dim(self.action_space)
        actor.mu[0] = self._body("pi", actor.features_extractor, n_actions)
        return actor.to(self.device)

    def _actor_body(self) -> NetworkBody:
        body: NetworkBody = self.actor.mu[0]
        return body


class Columns(nn.Module):
    """The motor neurons from `start` to before `stop`."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, motor: Tensor) -> Tensor:
        """Returns (B, stop - start) of the (B, O) motor neurons."""
        return motor[:, self.start : self.stop]
