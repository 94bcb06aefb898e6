"""The wiring of an NCP: neuron counts and the synapses sampled for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from velora.wiring.arguments import count, generator, integer, sparsity
from velora.wiring.connectome import Connectome, read_masks
from velora.wiring.counts import SynapseCounts, layer_sizes
from velora.wiring.ncp_rule import sample_masks, synapse_counts

if TYPE_CHECKING:
    from typing_extensions import Self

_CONFIGURATION = ("in_features", "n_neurons", "out_features", "sparsity_level", "seed")


class Wiring(Connectome):
    """The wiring of a Neural Circuit Policy (NCP): who is connected to whom.

    Source: Lechner et al. 2020, "Neural circuit policies enabling auditable
    autonomy". Each sensory neuron reaches `n_connections.sensory` distinct inter
    neurons, each inter neuron `n_connections.inter` distinct command neurons, each
    motor neuron listens to `n_connections.motor` distinct command neurons, and
    `n_connections.command` synapses recur among the command neurons. Then every
    neuron with no synapse in, or none out, gets one at random. Two wirings are equal
    when their counts and masks are.

    Args:
        in_features: sensory neurons, at least 1.
        n_neurons: decision neurons, at least 2: 40 % command, the rest inter.
        out_features: motor neurons, at least 1.
        sparsity_level: share of synapses left out, from 0.1 (nearly dense) to 0.9
            (very sparse).
        seed: an int samples from a private generator and touches no global state;
            None samples from PyTorch's global generator.

    Attributes:
        counts: neurons of each kind.
        n_connections: synapses of each kind.
        masks: signed int32 masks, (from, to) each, on the CPU.
        n_inter: inter neurons.
        n_command: command neurons.
        density_level: `1 - sparsity_level`.

    Raises:
        TypeError: a count or the seed is no integer, or the sparsity no number.
        ValueError: a count is too small or the sparsity outside [0.1, 0.9].
    """

    def __init__(
        self,
        in_features: int,
        n_neurons: int,
        out_features: int,
        *,
        sparsity_level: float = 0.5,
        seed: int | None = None,
    ) -> None:
        self._configure(in_features, n_neurons, out_features, sparsity_level, seed)
        self.build()

    def _configure(
        self,
        in_features: int,
        n_neurons: int,
        out_features: int,
        sparsity_level: float,
        seed: int | None,
    ) -> None:
        self.counts = layer_sizes(in_features, n_neurons, out_features)
        self.in_features = self.counts.sensory
        self.n_neurons = self.counts.inter + self.counts.command
        self.out_features = self.counts.motor
        self.sparsity_level = sparsity(sparsity_level)
        self.seed = None if seed is None else integer("seed", seed)
        self._builds = 0

        self.density_level = 1 - self.sparsity_level
        self.n_command = self.counts.command
        self.n_inter = self.counts.inter
        self.n_connections: SynapseCounts = synapse_counts(
            self.counts, self.density_level
        )

    def build(self) -> None:
        """Samples the synapses anew.

        With a seed, the n-th build of any wiring with that seed is the same.
        """
        seed = None if self.seed is None else self.seed + self._builds * 0x9E3779B9
        self._builds += 1
        self.masks = sample_masks(self.counts, self.n_connections, generator(seed))

    def to_dict(self) -> dict[str, Any]:
        """Returns the wiring as plain data that JSON can hold, without loss."""
        return {
            **super().to_dict(),
            **{key: getattr(self, key) for key in _CONFIGURATION},
            "builds": self._builds,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Makes a wiring from what `to_dict` gave; samples nothing.

        Raises:
            TypeError: `data` is no mapping or a count no integer.
            ValueError: the format version is unknown, an entry is missing, or the
                masks do not fit the counts.
        """
        masks = read_masks(data, _CONFIGURATION)
        wiring = cls.__new__(cls)
        wiring._configure(*(data[key] for key in _CONFIGURATION))
        wiring._builds = count("builds", data.get("builds", 1))
        return wiring.with_masks(masks)

    def __repr__(self) -> str:
        return (
            f"Wiring({self.in_features}, {self.n_neurons}, {self.out_features}, "
            f"sparsity_level={self.sparsity_level}, seed={self.seed}): {self.masks}"
        )
