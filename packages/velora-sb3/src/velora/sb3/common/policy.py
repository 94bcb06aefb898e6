"""What all policies over networks have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from velora.models.lnn import SparseLinear
from velora.models.protocol import takes
from velora.sb3.common.algorithm import (
    check_algorithm,
    remember_source,
    takes_spaces_whole,
)
from velora.sb3.common.default_extractor import (
    default_extractor,
    has_memory,
    warn_without_memory,
)
from velora.sb3.common.dense_layers import (
    LAYER_ARGUMENTS,
    in_place_of_layers,
    refusal,
    stands_for_layers,
)
from velora.sb3.common.keywords import (
    keywords_of,
    refuse_misplaced,
    unknown_explained,
)
from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.network_defaults import Defaults
from velora.sb3.common.optimizers import fuse_adam
from velora.sb3.common.targets import follow_twins

_ALGORITHMS_ARGUMENTS = ("observation_space", "action_space", "lr_schedule")


class NetworkPolicy(BasePolicy):
    """Makes a policy of Stable-Baselines3 think with networks from the registry.

    It stands before that policy among the bases. The policy is built without hidden
    layers, and a family (`actor_critic`, `actor_q_critic`) or an algorithm's module
    puts networks in the place of its dense output layers. So motor neurons are the
    logits, means, values, Q-values or quantiles, and nothing else of the policy is
    changed.

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        *args: the learning-rate schedule, by the progress remaining, from 1 to 0.
        n_neurons: decision neurons of each network, or a dict with a number for
            each role, as Stable-Baselines3's `net_arch`: `dict(pi=64, vf=32)` with
            values, `dict(pi=64, qf=32)` with Q-critics.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        init_type: how weights start; see `velora.models.lnn.SparseLinear`.
        network: a name in `velora.plugins.networks()`; None is the class's own, but
            where a liquid one has something to remember.
        network_kwargs: further options of the network's builder.
        net_arch: sizes of an MLP's hidden layers, or a dict with those of each role. A
            network of ours without a state gets the more neurons the larger they are,
            but not fewer than by default; others refuse it.
        activation_fn: PyTorch's class of their activation, which the neurons of such a
            network get.
        ortho_init: of Stable-Baselines3's on-policy policies; without it such a network
            starts as its builder makes it.
        network_defaults: what our own networks get unless the arguments above say
            something else, by network and role; None takes those of the class's
            `family`, or of memory, in `velora.sb3.common.network_defaults`, {} leaves
            all to the builders.
        features_extractor_class: None chooses by the observation space (flatten,
            NatureCNN, combined; a recurrent network gets windows and stacks of images
            in time): see `velora.sb3.common.default_extractor`.
        **kwargs: what else the policy of Stable-Baselines3 takes: `use_sde`,
            `log_std_init`, `n_critics`, `share_features_extractor`,
            `optimizer_class`, ...

    Raises:
        KeyError: the network is unknown; the message lists the known ones, and what
            provided it where a saved agent is loaded.
        TypeError: the policy does not take an argument or the network's builder an
            option, one is of another type, or the policy is one for another algorithm.
        ValueError: `n_neurons` or `net_arch` has a missing or unknown role, or an
            argument stands for layers of neurons that this policy does not have.
    """

    default_network: ClassVar[str]
    family: ClassVar[str | None] = None  # in `DEFAULTS`; None has none
    roles: tuple[str, ...] = ()
    remembers: ClassVar[bool] = False  # whether the algorithm carries a state
    mlp_arguments: ClassVar[tuple[str, ...]] = LAYER_ARGUMENTS
    lstm_arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *args: Any,
        n_neurons: int | Mapping[str, int] | None = None,
        sparsity_level: float | None = None,
        init_type: str | None = None,
        network: str | None = None,
        network_kwargs: Mapping[str, Any] | None = None,
        network_defaults: Defaults | None = None,
        features_extractor_class: type[BaseFeaturesExtractor] | None = None,
        **kwargs: Any,
    ) -> None:
        check_algorithm(type(self))
        self.choice = NetworkChoice(
            network=self.default_network if network is None else network,
            n_neurons=n_neurons,
            sparsity_level=sparsity_level,
            init_type=init_type,
            network_kwargs={} if network_kwargs is None else network_kwargs,
            network_defaults=network_defaults,
        )
        self.choice.check_types()
        whole = takes_spaces_whole()
        self.choice.check_roles(*self.roles)
        taken = LAYER_ARGUMENTS if self.takes_layers(self.choice) else ()
        layers = {argument: kwargs.pop(argument, None) for argument in taken}
        if taken and network_defaults is None:
            layers["ortho_init"] = kwargs.get("ortho_init", True)
        refused = [each for each in self.mlp_arguments if each not in taken]
        for argument in refused:
            if (value := kwargs.pop(argument, None)) is not None:
                raise ValueError(
                    refusal(
                        argument,
                        value,
                        self.choice,
                        observation_space,
                        action_space,
                        remembers=self.remembers,
                    )
                )
        refuse_misplaced(kwargs, remembers=self.remembers)
        if features_extractor_class is None:
            features_extractor_class = self._default_extractor(
                self.observed(observation_space), kwargs, whole
            )
        elif not callable(features_extractor_class):
            raise TypeError(
                "`features_extractor_class` must be a class of features extractors; "
                f"got {features_extractor_class!r}. Pass the class itself."
            )
        if self.choice.recurrent and not self.remembers:
            warn_without_memory(features_extractor_class)
        remembers = self.remembers or has_memory(features_extractor_class)
        self.choice = self.choice.asking(
            self.family, remembers=remembers, is_named=network is not None
        )
        self.choice = in_place_of_layers(self.choice, self.roles, **layers)
        remember_source(self.choice.entry)
        known = partial(keywords_of, type(self))
        own = (*_ALGORITHMS_ARGUMENTS, *refused, *self.lstm_arguments)
        with unknown_explained(f"The policy {type(self).__name__}", kwargs, known, own):
            super().__init__(
                observation_space,
                action_space,
                *args,
                net_arch=[],
                features_extractor_class=features_extractor_class,
                **kwargs,
            )
        for module in self.modules():
            fuse_adam(getattr(module, "optimizer", None))

    @classmethod
    def takes_layers(cls, choice: NetworkChoice) -> bool:
        """Returns whether arguments for dense layers say something of its networks."""
        return bool(cls.roles) and not cls.remembers and stands_for_layers(choice)

    def _default_extractor(
        self, space: spaces.Space[Any], kwargs: dict[str, Any], whole: bool
    ) -> type[BaseFeaturesExtractor]:
        """Chooses an extractor, and tells it whether images are normalised already."""
        normalize_images = kwargs.get("normalize_images", True)
        chosen = default_extractor(
            space,
            recurrent=self.choice.recurrent and not self.remembers,
            normalize_images=normalize_images,
            whole=whole,
        )
        if not normalize_images and takes(chosen.__init__, "normalized_image"):
            given = kwargs.get("features_extractor_kwargs") or {}
            kwargs["features_extractor_kwargs"] = given | {"normalized_image": True}
        return chosen

    def observed(self, space: spaces.Space[Any]) -> spaces.Space[Any]:
        """Returns the space of what a features extractor gets of the observations."""
        return space

    @property
    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with, by role."""

    def set_training_mode(self, mode: bool) -> None:
        """Sets what it says, and lets targets follow, as each update starts so."""
        super().set_training_mode(mode)
        if mode:
            follow_twins(self)

    @torch.no_grad()
    def zero_masked_weights(self) -> None:
        """Zeroes what an algorithm has written where no synapse is.

        It has no effect on any output; gradients alone never write there.
        """
        for module in self.modules():
            if isinstance(module, SparseLinear):
                module.weight.mul_(module.mask)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        data = super()._get_constructor_parameters()
        del data["net_arch"], data["activation_fn"]
        if hasattr(self, "share_features_extractor"):
            data["share_features_extractor"] = self.share_features_extractor
        return data | self.choice.as_kwargs()
