"""Policies with an actor and a value network (PPO, A2C, TRPO, MaskablePPO)."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from velora.sb3.common.network_defaults import ON_POLICY
from velora.sb3.common.optimizers import (
    dense_step_factors,
    make_optimizer,
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
            dense ones: where a share d of a network's weights has a synapse, these move
            by 1/d times the learning rate, by 10 times at most. None takes the
            network's default, which is True for "ncp".
        **kwargs: as in `NetworkPolicy`, whose errors these are, too.

    Raises:
        TypeError: `dense_steps` is no boolean.
        ValueError: it is True for a network that is not made of such layers.
    """

    roles = ("pi", "vf")
    family = ON_POLICY

    dense_steps: bool | None = None  # of one that was pickled before there were any
    _dense_roles: tuple[str, ...] = ()  # kept, as a copy asks no registry
    optimizer: Any = None  # where nothing is trained yet, or any more

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
        optimizer_class = withhold_optimizer(self)
        super()._build(lr_schedule)  # type: ignore[misc]  # of the policy that follows
        # The dense layers that Stable-Baselines3 has built only tell their sizes.
        self.action_net = self.choice.body(
            "pi", self.pi_features_extractor, self.action_net.out_features
        )
        self.value_net = self.choice.body("vf", self.vf_features_extractor, 1)
        if not self.choice.recurrent:
            asked, default = self.dense_steps, self.choice.steps_as_dense
            self._dense_roles = tuple(
                role
                for role in self.networks
                if (default(role) if asked is None else asked)
            )
        if self.dense_steps and not self._step_factors():
            raise ValueError(
                "`dense_steps` must be left out where networks are not made of sparse "
                f'layers, as "ncp" is; got True for {self.choice.network!r}.'
            )
        make_optimizer(self, optimizer_class, lr_schedule)
        self._stretch_steps()

    def set_training_mode(self, mode: bool) -> None:
        """Sets what it says, and follows the masks of now, as each update starts so."""
        super().set_training_mode(mode)
        if mode:
            self._stretch_steps()

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Loads what it says, and follows the masks that came."""
        found = super().load_state_dict(*args, **kwargs)
        self._stretch_steps()
        return found

    def _stretch_steps(self) -> None:
        if self.optimizer is not None and (factors := self._step_factors()):
            stretch_steps(self.optimizer, factors)

    def _step_factors(self) -> dict[Tensor, float]:
        """Returns how much further weights move than the learning rate says."""
        factors: dict[Tensor, float] = {}
        for role in self._dense_roles:
            factors |= dense_step_factors(self.networks[role])
        return factors

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch's own
        self._stretch_steps()

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"dense_steps": self.dense_steps}
        return super()._get_constructor_parameters() | own


class NCPActorCriticPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Sparse actor and critic with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidActorCriticPolicy(ActorCriticNetworks, ActorCriticPolicy):
    """Liquid actor and critic with NCP wirings; see `NetworkPolicy`.

    The cells run over the time axis of a (T, F) observation, as gymnasium's
    `FrameStackObservation` makes it, and from a zero state on any other.
    """

    default_network = "liquid"
