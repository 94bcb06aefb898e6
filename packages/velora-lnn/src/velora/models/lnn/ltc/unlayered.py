"""Liquid time-constant neurons that stand in no layers."""

from __future__ import annotations

import torch

from velora.models.lnn.ltc.neurons import LTCNeurons
from velora.wiring import Unlayered


class UnlayeredLTCNetwork(LTCNeurons):
    """A network of liquid time-constant neurons between which any synapse may be.

    It is an `LTCNetwork` without layers: each neuron may listen to each input and to
    each neuron.

    Args:
        wiring: who is connected to whom.
        ode_unfolds: as in `LTCCell`.
        positive: as in `LTCCell`.
        device: where the network is made; None is PyTorch's default.

    Raises:
        TypeError: `positive` is no boolean, or `ode_unfolds` no integer.
        ValueError: `ode_unfolds` is below 1.
    """

    def __init__(
        self,
        wiring: Unlayered,
        *,
        ode_unfolds: int = 6,
        positive: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.in_features = wiring.in_features
        self.out_features = wiring.out_features
        self._add_neurons(
            wiring.mask, ode_unfolds=ode_unfolds, positive=positive, device=device
        )

    @property
    def wiring(self) -> Unlayered:
        """The synapses that the network computes with, 1 each."""
        return Unlayered(self.cell.sparsity_mask.T.int(), self.out_features)
