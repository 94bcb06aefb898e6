"""What every network with a wiring shows about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from velora.models.lnn.sparse import SparseLinear
from velora.utils import active_parameters, total_parameters
from velora.wiring import LayerMasks, NeuronCounts, Wiring


class WiredNetwork(nn.Module, ABC):
    """Three layers, sensory → inter → command → motor, that obey a wiring.

    A subclass sets the layers `inter`, `command` and `motor`, and says what its
    command layer computes. The wiring is read back from the layers, so what a
    network shows after `load_state_dict` or `update_mask` is what it computes with.
    The layers learn the sign of each synapse: masks are 1 where there is one.

    Attributes:
        in_features: sensory neurons.
        n_neurons: decision neurons (inter and command).
        out_features: motor neurons.
        n_units: all neurons but the sensory ones.
    """

    inter: SparseLinear
    command: nn.Module
    motor: SparseLinear

    def __init__(self, wiring: Wiring) -> None:
        super().__init__()
        self._drawn = wiring
        self.in_features = wiring.in_features
        self.n_neurons = wiring.n_neurons
        self.out_features = wiring.out_features
        self.n_units = wiring.n_neurons + wiring.out_features

    @property
    def counts(self) -> NeuronCounts:
        """Neurons of each kind."""
        return self._drawn.counts

    @property
    def masks(self) -> LayerMasks:
        """The synapses that the network computes with, 1 each, (from, to)."""
        command, recurrent = self._command_synapses()
        return _as_masks(
            self.inter.mask != 0,
            command != 0,
            self.motor.mask != 0,
            None if recurrent is None else recurrent != 0,
        )

    @property
    def wiring(self) -> Wiring:
        """The wiring that the network computes with.

        Its synapses are those of the layers; its `sparsity_level` is the one that the
        network was made with, also after other synapses were loaded.
        """
        return self._drawn.with_masks(self.masks)

    @property
    def synapses(self) -> LayerMasks:
        """The masks, signed by what the weights now make of each synapse.

        A synapse of the inter and motor layers has the sign of its weight, one of
        the command layer the sign of its effect on that neuron's output near rest
        (the Jacobian at zero). 1 excites, -1 inhibits; a weight of exactly zero
        counts as exciting.
        """
        command, recurrent = self._command_effect()
        effect = _as_masks(
            _signs(self.inter.weight),
            _signs(command),
            _signs(self.motor.weight),
            None if recurrent is None else _signs(recurrent),
        )
        return LayerMasks(
            **{name: mask * getattr(effect, name) for name, mask in self.masks.items()}
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
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.inter.weight.device

    @abstractmethod
    def _command_synapses(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (to, from) masks from inter neurons and among command ones."""

    @abstractmethod
    def _command_effect(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (to, from) effects of the synapses of `_command_synapses`."""


def check_batch(x: Tensor, in_features: int) -> None:
    """Refuses inputs of another shape than (B, in_features) with a ValueError."""
    if x.dim() != 2:
        raise ValueError(
            "Unsupported dimensionality: `x` must have shape (batch, in_features) = "
            f"(batch, {in_features}); got {tuple(x.shape)}."
        )
    if x.shape[1] != in_features:
        raise ValueError(
            f"`x` must have shape (batch, in_features) = (batch, {in_features}); got "
            f"{tuple(x.shape)}."
        )


def _as_masks(
    inter: Tensor, command: Tensor, motor: Tensor, recurrent: Tensor | None
) -> LayerMasks:
    def plain(mask: Tensor) -> Tensor:
        return mask.detach().T.to("cpu", torch.int32).contiguous()

    return LayerMasks(
        inter=plain(inter),
        command=plain(command),
        motor=plain(motor),
        recurrent=None if recurrent is None else plain(recurrent),
    )


def _signs(effect: Tensor) -> Tensor:
    return torch.where(effect < 0, -1, 1)
