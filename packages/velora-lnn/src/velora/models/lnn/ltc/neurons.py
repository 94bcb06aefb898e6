"""Liquid time-constant neurons as a network, whatever their synapses are."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.ltc.affine import Affine
from velora.models.lnn.ltc.cell import LTCCell
from velora.models.lnn.recurrent_cell import scan_or_steps
from velora.models.lnn.sequences import SequenceNetwork
from velora.models.protocol import Timespans


class LTCNeurons(SequenceNetwork):
    """inputs → `Affine` → one `LTCCell` of all neurons → `Affine` of the first ones.

    A subclass says who is connected to whom. All neurons are one state.

    Attributes:
        in_features: size F of an input.
        out_features: size O of an output.
        sensory: `Affine`, which scales and shifts the inputs.
        cell: `LTCCell` of H neurons, the O of the output first.
        motor: `Affine`, which scales and shifts the output.
    """

    out_features: int
    sensory: Affine
    cell: LTCCell
    motor: Affine

    def _add_neurons(
        self,
        mask: Tensor,
        *,
        ode_unfolds: int,
        positive: bool,
        device: torch.device | str | None,
    ) -> None:
        """Makes the layers of a network whose sizes are known; mask: (F + H, H)."""
        self.sensory = Affine(self.in_features, device=device)
        self.cell = LTCCell(
            self.in_features,
            mask.shape[1],
            mask,
            ode_unfolds=ode_unfolds,
            positive=positive,
            device=device,
        )
        self.motor = Affine(self.out_features, device=device)

    @property
    def hidden_size(self) -> int:
        """Size H of the state: all neurons but the sensory ones."""
        return self.cell.n_hidden

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return self.motor.weight.new_zeros(batch_size, self.hidden_size)

    def step(
        self, x: Tensor, hidden: Tensor, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; see the base."""
        potentials, hidden = self.cell(self.sensory(x), hidden, timespans)
        return self.motor(potentials[:, : self.out_features]), hidden

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence; see the base."""
        potentials, states = scan_or_steps(self.cell)(
            self.sensory(x), hidden, resets=resets, timespans=timespans
        )
        return self.motor(potentials[..., : self.out_features]), states

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.motor.weight.device
