"""Policies for sb3-contrib's ARS."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from velora.sb3.common.contrib import ARS, ARSPolicy
from velora.sb3.common.network_defaults import ON_POLICY
from velora.sb3.common.policy import NetworkPolicy


class ExtractingARSPolicy(ARSPolicy):
    """ARS's policy, with a features extractor to choose."""

    def __init__(
        self,
        *args: Any,
        features_extractor_class: type[BaseFeaturesExtractor],
        features_extractor_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._extractor = features_extractor_class, features_extractor_kwargs or {}
        super().__init__(*args, **kwargs)

    def make_features_extractor(self) -> BaseFeaturesExtractor:
        """Makes the features extractor that was chosen."""
        self.features_extractor_class, self.features_extractor_kwargs = self._extractor
        return super().make_features_extractor()

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {
            "features_extractor_class": self.features_extractor_class,
            "features_extractor_kwargs": self.features_extractor_kwargs,
            "squash_output": self.squash_output,
        }


class EvolvedPolicy(NetworkPolicy, ExtractingARSPolicy):
    """Motor neurons are the actions (before their tanh) or the logits.

    ARS adds noise to every parameter; what it adds where no synapse is, is dropped.
    Start it with `zero_policy=False`: near a network with hidden layers whose weights
    are all zero, noise moves hardly anything but the last bias.
    """

    roles = ("pi",)
    family = ON_POLICY

    action_net: Any  # a body, and a tanh where actions are squashed
    mlp_arguments = (*NetworkPolicy.mlp_arguments, "with_bias")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.action_net[0] = self.choice.body(
            "pi", self.features_extractor, self.action_net[0].out_features
        )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network that the policy thinks with: "pi"."""
        return {"pi": self.action_net[0].network}

    def load_from_vector(self, vector: np.ndarray) -> None:
        """Loads the (P,) parameters from a vector, masked weights as zero."""
        super().load_from_vector(vector)
        self.zero_masked_weights()


class NCPPolicy(EvolvedPolicy):
    """A sparse actor with an NCP wiring; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(EvolvedPolicy):
    """A liquid actor with an NCP wiring; see `NetworkPolicy`."""

    default_network = "liquid"


ARS.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
