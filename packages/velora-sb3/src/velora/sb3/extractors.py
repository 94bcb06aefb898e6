"""Features extractors that think with a network before a plain SB3 policy."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, ClassVar

from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from velora.models.lnn.shapes import check_sizes
from velora.models.protocol import takes
from velora.sb3.common.algorithm import (
    note_defaults,
    remember_source,
    takes_spaces_whole,
)
from velora.sb3.common.default_extractor import (
    default_extractor,
    has_memory,
    warn_without_memory,
)
from velora.sb3.common.keywords import refuse_unknown
from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.network_defaults import MEMORY, ON_POLICY, Defaults


class NetworkExtractor(BaseFeaturesExtractor):
    """A features extractor whose features are the motor neurons of a network.

    Where the wiring of one changes, that of a target network's does with
    `velora.sb3.common.targets.follow_twins(model.policy)`: a plain policy of
    Stable-Baselines3 knows of no wirings.

    Args:
        observation_space: of the environment; a dict and images pass first through
            the extractor that a policy of ours would choose for them.
        features_dim: motor neurons, which are the features.
        n_neurons: decision neurons.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        init_type: how weights start; see `velora.models.lnn.SparseLinear`.
        network: a name in `velora.plugins.networks()`; None is the class's own.
        network_kwargs: further options of the network's builder.
        network_defaults: what our own networks get unless the arguments above say
            something else, as in `velora.sb3.common.policy.NetworkPolicy`.
        normalized_image: whether images are normalized already, as in
            `stable_baselines3.common.torch_layers.NatureCNN`.
        **unknown: is refused, in words that list what is known.

    Raises:
        KeyError: the network is unknown; the message lists the known ones.
        TypeError: the network's builder does not take an option, or the extractor an
            argument.
    """

    default_network: ClassVar[str]

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        features_dim: int = 64,
        *,
        n_neurons: int | None = None,
        sparsity_level: float | None = None,
        init_type: str | None = None,
        network: str | None = None,
        network_kwargs: Mapping[str, Any] | None = None,
        network_defaults: Defaults | None = None,
        normalized_image: bool = False,
        **unknown: Any,
    ) -> None:
        known = set(signature(NetworkExtractor).parameters)
        refuse_unknown(
            f"The extractor {type(self).__name__}",
            unknown,
            known - {"observation_space", "unknown"},
        )
        check_sizes(features_dim=features_dim)
        super().__init__(observation_space, features_dim)
        choice = NetworkChoice(
            network=self.default_network if network is None else network,
            n_neurons=n_neurons,
            sparsity_level=sparsity_level,
            init_type=init_type,
            network_kwargs={} if network_kwargs is None else network_kwargs,
            network_defaults=network_defaults,
        )
        choice.check_types()
        whole = takes_spaces_whole()
        choice.check_roles()
        extractor_class = default_extractor(
            observation_space,
            recurrent=choice.recurrent,
            normalize_images=not normalized_image,
            whole=whole,
        )
        if choice.recurrent:
            warn_without_memory(extractor_class)
        remembers = has_memory(extractor_class)
        self.choice = choice.asking(
            ON_POLICY, remembers=remembers, is_named=network is not None
        )
        remember_source(self.choice.entry)
        of_images = takes(extractor_class.__init__, "normalized_image")
        options = {"normalized_image": normalized_image} if of_images else {}
        self.inputs = extractor_class(observation_space, **options)
        self.body = self.choice.body("features", self.inputs, features_dim)

    def forward(self, observations: Tensor) -> Tensor:
        """Returns the (B, features_dim) features of preprocessed observations."""
        features: Tensor = self.body(self.inputs(observations))
        return features

    def _save_to_state_dict(
        self, destination: Any, prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        # A policy of Stable-Baselines3 that is saved alone says what it gave, not more.
        network, defaults = self.choice.network, self.choice.network_defaults or {}
        own = {network: defaults.get(network, {})}
        note_defaults(destination, prefix, {ON_POLICY: own, MEMORY: own})


class NCPExtractor(NetworkExtractor):
    """A sparse features extractor with an NCP wiring; see `NetworkExtractor`."""

    default_network = "ncp"


class LiquidExtractor(NetworkExtractor):
    """A liquid features extractor with an NCP wiring; see `NetworkExtractor`.

    The cell runs over the time axis of a (T, F) observation, as gymnasium's
    `FrameStackObservation` makes it, and from a zero state on any other.
    """

    default_network = "liquid"
