"""Liquid time-constant neurons over a whole wiring."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.ltc.neurons import LTCNeurons
from velora.models.lnn.wiring_argument import WiringChoice, choose_wiring
from velora.models.lnn.with_wiring import WithWiring, as_masks
from velora.wiring import LayerEffects, LayerMasks, NeuronCounts


class LTCNetwork(LTCNeurons, WithWiring):
    """A network of which every neuron is a liquid time-constant (LTC) one.

    inputs → `Affine` → one `LTCCell` of all motor, command and inter neurons → `Affine`
    of the motor neurons. This is the model of Lechner et al. 2020, "Neural circuit
    policies enabling auditable autonomy": all neurons have a state, the synapses that a
    wiring draws among its command neurons are used, and the polarity of a synapse is
    where its reversal potential starts. The network keeps no state. The mask is not
    signed, as reversal potentials are learned.

    Args:
        in_features: size F of an input, the sensory neurons.
        n_neurons: decision neurons (inter and command), at least 2; None takes as many
            as a ready `wiring` has.
        out_features: size O of an output, the motor neurons.
        sparsity_level: as in `WiredNetwork`.
        wiring: as in `WiredNetwork`.
        ode_unfolds: as in `LTCCell`.
        positive: as in `LTCCell`.
        device: where the network is made; None is PyTorch's default. The synapses
            are drawn from PyTorch's global CPU generator on every device.

    Attributes:
        sensory: `Affine`, which scales and shifts the inputs.
        cell: `LTCCell` of H = O + command + inter neurons, in this order.
        motor: `Affine`, which scales and shifts the motor neurons.

    Raises:
        KeyError: no wiring has this name; the message lists the known ones.
        TypeError: a size is no integer, `positive` no boolean, or `wiring` is none.
        ValueError: a size is too small, the sparsity outside its range, or the wiring
            has other neurons than asked for.
    """

    def __init__(
        self,
        in_features: int,
        n_neurons: int | None,
        out_features: int,
        *,
        sparsity_level: float = 0.5,
        wiring: WiringChoice = None,
        ode_unfolds: int = 6,
        positive: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        drawn = choose_wiring(
            wiring, in_features, n_neurons, out_features, sparsity_level
        )
        WithWiring.__init__(self, drawn)
        self._add_neurons(
            _one_mask(drawn.masks, drawn.counts),
            ode_unfolds=ode_unfolds,
            positive=positive,
            device=device,
        )

    @property
    def masks(self) -> LayerMasks:
        """The synapses that the network computes with, 1 each, (from, to)."""
        return as_masks(**_layers(self.cell.sparsity_mask, self.counts))

    @property
    def effects(self) -> LayerEffects:
        """What each synapse now does to the neuron that it leads to, near rest.

        That is how its potential's rate of change grows with that of the neuron that
        the synapse comes from, both at zero; what scales inputs and outputs is left
        out.
        """
        layers = _layers(self.cell.effect().detach().cpu(), self.counts)
        return LayerEffects(**{k: v.T.contiguous() for k, v in layers.items()})


def _places(counts: NeuronCounts) -> dict[str, tuple[slice, slice]]:
    """Returns the (to, from) block of each layer in the matrix of all synapses."""
    first = counts.sensory
    motor = slice(0, counts.motor)
    command = slice(motor.stop, motor.stop + counts.command)
    inter = slice(command.stop, command.stop + counts.inter)

    def source(neurons: slice) -> slice:
        return slice(first + neurons.start, first + neurons.stop)

    return {
        "inter": (inter, slice(0, first)),
        "command": (command, source(inter)),
        "motor": (motor, source(command)),
        "recurrent": (command, source(command)),
    }


def _layers(matrix: Tensor, counts: NeuronCounts) -> dict[str, Tensor]:
    """Returns each layer's (to, from) block of an (H, F + H) matrix."""
    return {name: matrix[place] for name, place in _places(counts).items()}


def _one_mask(masks: LayerMasks, counts: NeuronCounts) -> Tensor:
    """Returns the (F + H, H) mask of all synapses, signed, (from, to)."""
    hidden = counts.motor + counts.command + counts.inter
    mask = torch.zeros(hidden, counts.sensory + hidden, dtype=torch.int32, device="cpu")
    places = _places(counts)
    for name, layer in masks.items():
        mask[places[name]] = layer.T
    return mask.T
