"""Actor-critic policies whose networks obey wirings (PPO, A2C)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import (
    DiagGaussianDistribution,
    Distribution,
    StateDependentNoiseDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from velora.sb3.body import NetworkBody
from velora.sb3.choice import NetworkChoice
from velora.sb3.features import default_extractor, warn_without_memory


class ActorCriticNetworks(nn.Module):
    """An actor and a critic side by side, where SB3's policies have an `MlpExtractor`.

    Its latent codes are the motor neurons themselves, so nothing follows them. For
    gSDE the actor's code ends with the features, of which the noise is a function.

    Args:
        policy_net: from features to the parameters of the action distribution.
        value_net: from features to the value.
        keep_features: whether the actor's code ends with the features.
    """

    def __init__(
        self, policy_net: NetworkBody, value_net: NetworkBody, *, keep_features: bool
    ) -> None:
        super().__init__()
        self.policy_net = policy_net
        self.value_net = value_net
        self.keep_features = keep_features

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the codes of actor and critic for (B, F) or (B, T, F) features."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Returns the (B, motor) action parameters, or (B, motor + F) with features."""
        actions: Tensor = self.policy_net(features)
        if not self.keep_features:
            return actions
        latest = features if features.dim() == 2 else features[:, -1]
        return torch.cat((actions, latest), dim=1)

    def forward_critic(self, features: Tensor) -> Tensor:
        """Returns the (B, 1) values."""
        values: Tensor = self.value_net(features)
        return values


class NetworkActorCriticPolicy(ActorCriticPolicy):
    """An actor-critic policy that thinks with networks from the registry.

    Motor neurons are the logits or means of the actions, and the value: no dense
    layer stands between. Actor and critic have networks, so wirings, of their own.

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        lr_schedule: learning rate by the progress remaining, from 1 to 0.
        n_neurons: decision neurons of both networks, or `dict(pi=..., vf=...)`.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        init_type: how weights start; see `velora.models.lnn.SparseLinear`.
        network: a name in `velora.plugins.networks()`; None is the class's own.
        network_kwargs: further options of the network's builder.
        features_extractor_class: None chooses by the observation space (flatten,
            NatureCNN, combined; a recurrent network gets (T, F) windows as they are).
        **kwargs: what else `ActorCriticPolicy` takes: `use_sde`, `log_std_init`,
            `share_features_extractor`, `optimizer_class`, ...

    Raises:
        KeyError: the network is unknown; the message lists the known ones.
        TypeError: the network's builder does not take an option.
        ValueError: `n_neurons` has a missing or unknown role, or an argument stands
            for layers of neurons that this policy does not have.
    """

    default_network: ClassVar[str]

    mlp_extractor: ActorCriticNetworks  # type: ignore[assignment]  # in its place
    value_net: nn.Identity  # type: ignore[assignment]  # nothing follows the network

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        n_neurons: int | Mapping[str, int] | None = None,
        sparsity_level: float | None = None,
        init_type: str | None = None,
        network: str | None = None,
        network_kwargs: Mapping[str, Any] | None = None,
        features_extractor_class: type[BaseFeaturesExtractor] | None = None,
        **kwargs: Any,
    ) -> None:
        self.choice = NetworkChoice(
            network=self.default_network if network is None else network,
            n_neurons=n_neurons,
            sparsity_level=sparsity_level,
            init_type=init_type,
            network_kwargs=network_kwargs or {},
        )
        self.choice.check_roles("pi", "vf")
        for argument in ("net_arch", "activation_fn"):
            if kwargs.pop(argument, None) is not None:
                raise ValueError(
                    f"`{argument}` describes an MLP, which this policy does not have; "
                    "size its networks with `n_neurons` and `network_kwargs`."
                )
        if features_extractor_class is None:
            features_extractor_class = default_extractor(
                observation_space,
                recurrent=self.choice.recurrent,
                normalize_images=kwargs.get("normalize_images", True),
            )
        if self.choice.recurrent:
            warn_without_memory(observation_space, features_extractor_class)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=features_extractor_class,
            **kwargs,
        )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with, by role: "pi" and "vf"."""
        return {
            "pi": self.mlp_extractor.policy_net.network,
            "vf": self.mlp_extractor.value_net.network,
        }

    def _build(self, lr_schedule: Schedule) -> None:
        n_motor = self._build_distribution()
        self.mlp_extractor = ActorCriticNetworks(
            self.choice.body("pi", self.features_dim, n_motor),
            self.choice.body("vf", self.features_dim, 1),
            keep_features=isinstance(self.action_dist, StateDependentNoiseDistribution),
        )
        self.action_net = nn.Identity()
        self.value_net = nn.Identity()
        if self.ortho_init:
            extractors = (self.pi_features_extractor, self.vf_features_extractor)
            for extractor in dict.fromkeys(extractors):
                extractor.apply(partial(self.init_weights, gain=math.sqrt(2)))
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1),  # type: ignore[call-arg]  # every optimizer has one
            **self.optimizer_kwargs,
        )

    def _build_distribution(self) -> int:
        """Sets `log_std` where there is one; returns the distribution's parameters."""
        # The dense layer that Stable-Baselines3 offers only tells its size.
        offered: Any = self.action_dist.proba_distribution_net
        noisy = (DiagGaussianDistribution, StateDependentNoiseDistribution)
        if isinstance(self.action_dist, noisy):
            layer, self.log_std = offered(
                latent_dim=self.features_dim, log_std_init=self.log_std_init
            )
        else:
            layer = offered(latent_dim=self.features_dim)
        return int(layer.out_features)

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        if not isinstance(self.action_dist, StateDependentNoiseDistribution):
            return super()._get_action_dist_from_latent(latent_pi)
        means = latent_pi[:, : -self.features_dim]
        features = latent_pi[:, -self.features_dim :]
        return self.action_dist.proba_distribution(means, self.log_std, features)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        data = super()._get_constructor_parameters()
        del data["net_arch"], data["activation_fn"]
        data["share_features_extractor"] = self.share_features_extractor
        return data | self.choice.as_kwargs()


class NCPActorCriticPolicy(NetworkActorCriticPolicy):
    """Sparse actor and critic with NCP wirings; see `NetworkActorCriticPolicy`."""

    default_network = "ncp"


class LiquidActorCriticPolicy(NetworkActorCriticPolicy):
    """Liquid actor and critic with NCP wirings; see `NetworkActorCriticPolicy`.

    The cell runs over the time axis of a (T, F) observation, as gymnasium's
    `FrameStackObservation` makes it, and from a zero state on any other.
    """

    default_network = "liquid"
