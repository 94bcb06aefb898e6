"""A wiring: neuron counts and the synapses drawn for them."""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch

from velora.wiring.counts import NeuronCounts, SynapseCounts
from velora.wiring.masks import LayerMasks
from velora.wiring.rule import draw_masks, synapse_counts

FORMAT_VERSION = 1
_CONFIGURATION = ("in_features", "n_neurons", "out_features", "sparsity_level", "seed")
_LAYERS = ("inter", "command", "motor", "recurrent")


class Wiring:
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
        seed: an int draws from a private generator and touches no global state;
            None draws from PyTorch's global generator.

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
        self.in_features = _count("in_features", in_features)
        self.n_neurons = _count("n_neurons", n_neurons, least=2)
        self.out_features = _count("out_features", out_features)
        self.sparsity_level = _sparsity(sparsity_level)
        self.seed = None if seed is None else _integer("seed", seed)
        self._builds = 0

        self.density_level = 1 - self.sparsity_level
        self.n_command = max(int(0.4 * self.n_neurons), 1)
        self.n_inter = self.n_neurons - self.n_command
        self.counts = NeuronCounts(
            sensory=self.in_features,
            inter=self.n_inter,
            command=self.n_command,
            motor=self.out_features,
        )
        self.n_connections: SynapseCounts = synapse_counts(
            self.counts, self.density_level
        )

    def build(self) -> None:
        """Draws the synapses anew.

        With a seed, the n-th build of any wiring with that seed is the same.
        """
        generator = None
        if self.seed is not None:
            generator = torch.Generator(device="cpu")
            generator.manual_seed((self.seed + self._builds * 0x9E3779B9) % 2**63)
        self._builds += 1
        self.masks: LayerMasks = draw_masks(self.counts, self.n_connections, generator)

    def data(self) -> tuple[LayerMasks, NeuronCounts]:
        """Returns the masks and the neuron counts."""
        return self.masks, self.counts

    def with_masks(self, masks: LayerMasks) -> Wiring:
        """Returns a wiring of the same neurons with other synapses.

        Args:
            masks: masks of -1, 0 and 1 for `counts`; `recurrent` may be None.

        Raises:
            TypeError: `masks` is no `LayerMasks`.
            ValueError: a mask has the wrong shape or other values.
        """
        if not isinstance(masks, LayerMasks):
            raise TypeError(f"`masks` must be LayerMasks; got {type(masks).__name__}.")
        _check_masks(masks, self.counts)
        other = copy.copy(self)
        other.masks = LayerMasks(
            **{
                name: mask.to("cpu", torch.int32, copy=True)
                for name, mask in masks.items()
            }
        )
        return other

    def to_dict(self) -> dict[str, Any]:
        """Returns the wiring as plain data that JSON can hold, without loss."""
        return {
            "version": FORMAT_VERSION,
            **{key: getattr(self, key) for key in _CONFIGURATION},
            "builds": self._builds,
            "masks": {name: mask.tolist() for name, mask in self.masks.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Wiring:
        """Makes a wiring from what `to_dict` gave; draws nothing.

        Raises:
            TypeError: `data` is no mapping or a count no integer.
            ValueError: the format version is unknown, an entry is missing, or the
                masks do not fit the counts.
        """
        if not isinstance(data, Mapping):
            raise TypeError(
                "`data` must be a mapping, as `Wiring.to_dict()` gives it; got "
                f"{type(data).__name__}."
            )
        version = data.get("version")
        if version != FORMAT_VERSION:
            raise ValueError(
                f"`version` must be {FORMAT_VERSION}, the format that this release of "
                f"velora-wiring reads; got {version!r}."
            )
        missing = [key for key in _CONFIGURATION if key not in data]
        if missing or not isinstance(data.get("masks"), Mapping):
            raise ValueError(
                "A wiring must have the entries that `Wiring.to_dict()` gives; "
                f"{missing or ['masks']} are missing."
            )
        wiring = cls.__new__(cls)
        wiring._configure(*(data[key] for key in _CONFIGURATION))
        wiring._builds = _count("builds", data.get("builds", 1))
        try:
            masks = {
                name: torch.tensor(rows, device="cpu")
                for name, rows in data["masks"].items()
            }
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"`masks` must hold lists of lists of -1, 0 and 1: {error}."
            ) from error
        if not {"inter", "command", "motor"} <= masks.keys() <= set(_LAYERS):
            raise ValueError(
                "`masks` must hold 'inter', 'command', 'motor' and may hold "
                f"'recurrent'; got {sorted(masks)}."
            )
        return wiring.with_masks(LayerMasks(**masks))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Wiring):
            return NotImplemented
        return self.counts == other.counts and self.masks == other.masks

    __hash__ = None  # type: ignore[assignment]  # `build` changes it

    def __repr__(self) -> str:
        return (
            f"Wiring({self.in_features}, {self.n_neurons}, {self.out_features}, "
            f"sparsity_level={self.sparsity_level}, seed={self.seed}): {self.masks}"
        )


def _integer(name: str, value: int) -> int:
    if isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer; got {value!r}.")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be an integer; got {value!r}.") from None


def _count(name: str, value: int, least: int = 1) -> int:
    count = _integer(name, value)
    if count < least:
        raise ValueError(f"`{name}` must be at least {least}; got {count}.")
    return count


def _sparsity(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`sparsity_level` must be a number; got {value!r}.")
    if not 0.1 <= value <= 0.9:
        raise ValueError(
            f"`sparsity_level` must be between '[0.1, 0.9]'; got {value}: 0.1 is "
            "nearly dense, 0.9 very sparse."
        )
    return float(value)


def _check_masks(masks: LayerMasks, counts: NeuronCounts) -> None:
    shapes = {
        "inter": (counts.sensory, counts.inter),
        "command": (counts.inter, counts.command),
        "motor": (counts.command, counts.motor),
        "recurrent": (counts.command, counts.command),
    }
    for name, mask in masks.items():
        if tuple(mask.shape) != shapes[name]:
            raise ValueError(
                f"The {name} mask must have shape (from, to) = {shapes[name]}; got "
                f"{tuple(mask.shape)}."
            )
        if not ((mask == -1) | (mask == 0) | (mask == 1)).all():
            raise ValueError(
                f"The {name} mask must hold -1 (inhibitory), 0 (none) or 1 "
                f"(excitatory) alone; got values from {mask.min().item()} to "
                f"{mask.max().item()}."
            )
