"""What every network with a wiring shows about it, whatever its layers are."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from velora.utils import active_parameters, total_parameters
from velora.wiring import Connectome, LayerEffects, LayerMasks, NeuronCounts


class WithWiring(nn.Module, ABC):
    """A network that shows the wiring that it computes with.

    The wiring is read back from where it is computed with, so what a network shows
    after `load_state_dict` or `update_mask` is what it computes with.

    Attributes:
        in_features: sensory neurons.
        n_neurons: inter and command neurons.
        out_features: motor neurons.
        n_units: all neurons but the sensory ones.
    """

    def __init__(self, drawn: Connectome) -> None:
        super().__init__()
        self._drawn = drawn
        counts = drawn.counts
        self.in_features = counts.sensory
        self.n_neurons = counts.inter + counts.command
        self.out_features = counts.motor
        self.n_units = self.n_neurons + self.out_features

    @property
    def counts(self) -> NeuronCounts:
        """Neurons of each kind."""
        return self._drawn.counts

    @property
    @abstractmethod
    def masks(self) -> LayerMasks:
        """The synapses that the network computes with, 1 each, (from, to)."""

    @property
    def wiring(self) -> Connectome:
        """The wiring that the network computes with.

        Its synapses are those of the layers; what else it knows, such as the
        `sparsity_level` of a `Wiring`, is what the network was made with, also after
        other synapses were loaded.
        """
        return self._drawn.with_masks(self.masks)

    @property
    @abstractmethod
    def effects(self) -> LayerEffects:
        """What each synapse now does to the neuron that it leads to, near rest."""

    @property
    def synapses(self) -> LayerMasks:
        """The masks, signed by the `effects`.

        1 excites, -1 inhibits; an effect of exactly zero counts as exciting.
        """
        effects = dict(self.effects.items())
        return LayerMasks(
            **{
                name: torch.where(effects[name] < 0, -mask, mask)
                for name, mask in self.masks.items()
            }
        )

    @property
    def total_params(self) -> int:
        """Trainable parameters, masked ones included."""
        return total_parameters(self)

    @property
    def active_params(self) -> int:
        """Trainable parameters that no mask removes."""
        return active_parameters(self)

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the parameters are."""


def as_masks(
    inter: Tensor, command: Tensor, motor: Tensor, recurrent: Tensor | None
) -> LayerMasks:
    """Returns (to, from) masks of booleans as a wiring has them, (from, to)."""

    def plain(mask: Tensor) -> Tensor:
        return mask.detach().T.to("cpu", torch.int32).contiguous()

    return LayerMasks(
        inter=plain(inter),
        command=plain(command),
        motor=plain(motor),
        recurrent=None if recurrent is None else plain(recurrent),
    )
