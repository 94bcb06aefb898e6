"""Policies with an actor and a value network (PPO, A2C, TRPO, MaskablePPO)."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from velora.models.lnn import SparseLinear
from velora.sb3.common.network_defaults import ON_POLICY
from velora.sb3.common.optimizers import (
    make_optimizer,
    set_step_factor,
    stretch_steps,
    withhold_optimizer,
)
from velora.sb3.common.policy import NetworkPolicy


class ActorCriticNetworks(NetworkPolicy):
    """Actor and critic are networks with wirings of their own; see `NetworkPolicy`.

    Motor neurons are the logits or means of the actions, and the value. The noise of
    gSDE is a function of the features, as no latent layer is left.

    Args:
        *args: as in `NetworkPolicy`.
        dense_steps: whether a step of the optimizer moves sparse layers as far as
            dense ones: where a share d of their weights has a synapse, these get 1/d
            times the learning rate. None takes the network's default, which is True
            for "ncp". A network with a state is not made of such layers.
        **kwargs: as in `NetworkPolicy`, whose errors these are, too.

    Raises:
        TypeError: `dense_steps` is no boolean.
        ValueError: it is True for a network that carries a state.
    """

    roles = ("pi", "vf")
    family = ON_POLICY

    action_net: Any  # a body
    value_net: Any  # a body
    pi_features_extractor: Any
    vf_features_extractor: Any

    def __init__(
        self, *args: Any, dense_steps: bool | None = None, **kwargs: Any
    ) -> None:
        if not isinstance(dense_steps, bool | None):
            raise TypeError(
                f"`dense_steps` must be True, False or None; got {dense_steps!r:.100}."
            )
        self.dense_steps = dense_steps
        super().__init__(*args, **kwargs)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi" and "vf"."""
        return {"pi": self.action_net.network, "vf": self.value_net.network}

    def _build(self, lr_schedule: Schedule) -> None:
        if self.dense_steps and self.choice.recurrent:
            raise ValueError(
                "`dense_steps` must be left out with a network that carries a state; "
                f"got True for {self.choice.network!r}. It is for sparse layers, as "
                'those of "ncp".'
            )
        optimizer_class = withhold_optimizer(self)
        super()._build(lr_schedule)  # type: ignore[misc]  # of the policy that follows
        # The dense layers that Stable-Baselines3 has built only tell their sizes.
        self.action_net = self.choice.body(
            "pi", self.pi_features_extractor, self.action_net.out_features
        )
        self.value_net = self.choice.body("vf", self.vf_features_extractor, 1)
        make_optimizer(self, optimizer_class, lr_schedule, self._stepping_as_dense())
        self.register_load_state_dict_post_hook(_follow_masks)

    def _stepping_as_dense(self) -> list[SparseLinear]:
        """Returns the layers that the optimizer moves as far as dense ones."""
        given = self.dense_steps
        return [
            layer
            for role, network in self.networks.items()
            if (self.choice.steps_as_dense(role) if given is None else given)
            for layer in network.modules()
            if isinstance(layer, SparseLinear)
        ]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._stepping_as_dense():
            stretch_steps(self.optimizer)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"dense_steps": self.dense_steps}
        return super()._get_constructor_parameters() | own


def _follow_masks(policy: ActorCriticNetworks, _: Any) -> None:
    """Lets the optimizer follow the masks that a policy was loaded with."""
    set_step_factor(policy.optimizer, policy._stepping_as_dense())


class NCPActorCriticPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Sparse actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidActorCriticPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Liquid actor and critic with NCP wirings; see `NetworkPolicy`.

    The cells run over the time axis of a (T, F) observation, as gymnasium's
    `FrameStackObservation` makes it, and from a zero state on any other.
    """

    default_network = "liquid"
