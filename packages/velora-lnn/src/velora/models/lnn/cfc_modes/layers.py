"""A network of three closed-form continuous-time (CfC) cells, a layer each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from velora.models.lnn.bare import are_bare
from velora.models.lnn.cfc_modes.cell import CfCCell, cell_of
from velora.models.lnn.cfc_modes.prepared import prepare
from velora.models.lnn.recurrent_cell import scan_or_steps
from velora.models.lnn.sequences import SequenceNetwork
from velora.models.lnn.shapes import check_state
from velora.models.lnn.wiring_argument import WiringChoice, choose_wiring
from velora.models.lnn.with_wiring import WithWiring, as_masks
from velora.models.protocol import Timespans
from velora.wiring import LayerEffects, LayerMasks


class CfCLayersNetwork(SequenceNetwork, WithWiring):
    """A closed-form continuous-time (CfC) network over a wiring: a cell a layer.

    sensory → inter → command → motor, each a `CfCCell` that obeys the wiring and has no
    backbone. All neurons have a state, those of a layer read each other's, whatever
    synapses a wiring draws among command neurons, and the output is the state of the
    motor neurons. The network keeps no state.

    Args:
        in_features: size F of an input, the sensory neurons.
        n_neurons: decision neurons (inter and command), at least 2; None takes as many
            as a ready `wiring` has.
        out_features: size O of an output, the motor neurons.
        wiring: as in `WiredNetwork`.
        sparsity_level: as in `WiredNetwork`.
        mode: as in `CfCNetwork`.
        device: where the network is made; None is PyTorch's default. The synapses
            are drawn from PyTorch's global CPU generator on every device.

    Attributes:
        inter: `CfCCell` from sensory to inter neurons.
        command: `CfCCell` from inter to command neurons.
        motor: `CfCCell` from command to motor neurons. The state has the numbers of the
            three side by side, in this order.

    Raises:
        KeyError: no wiring has this name; the message lists the known ones.
        TypeError: a size is no integer, or `wiring` is none.
        ValueError: a size is too small, the mode unknown, the sparsity outside its
            range, or the wiring has other neurons than asked for.
    """

    def __init__(
        self,
        in_features: int,
        n_neurons: int | None,
        out_features: int,
        *,
        wiring: WiringChoice = None,
        sparsity_level: float = 0.5,
        mode: str = "default",
        device: torch.device | str | None = None,
    ) -> None:
        cell = cell_of(mode)
        drawn = choose_wiring(
            wiring, in_features, n_neurons, out_features, sparsity_level
        )
        super().__init__(drawn)
        masks, counts = drawn.data()
        self.inter = cell(counts.sensory, counts.inter, masks.inter, device=device)
        self.command = cell(counts.inter, counts.command, masks.command, device=device)
        self.motor = cell(counts.command, counts.motor, masks.motor, device=device)

    @property
    def cells(self) -> tuple[CfCCell, CfCCell, CfCCell]:
        """The cells, in the order in which they compute."""
        return self.inter, self.command, self.motor

    @property
    def hidden_size(self) -> int:
        """Size H of the state: all neurons but the sensory ones."""
        return self.n_units

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return self.motor.weight.new_zeros(batch_size, self.hidden_size)

    def step(
        self, x: Tensor, hidden: Tensor, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; see the base."""
        check_state(hidden, x.shape[0], self.hidden_size)
        states = []
        for cell, before in zip(self.cells, self._split(hidden), strict=True):
            x, state = cell(x, before, timespans)
            states.append(state)
        return x, torch.cat(states, dim=1)

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence, layer by layer; see the base."""
        states = []
        for cell, before in zip(self.cells, self._split(hidden), strict=True):
            x, after = scan_or_steps(cell)(
                x, before, resets=resets, timespans=timespans
            )
            states.append(after)
        return x, torch.cat(states, dim=2)

    def steps_of(
        self, x: Tensor, timespans: Timespans = None
    ) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
        """Returns a function that goes one step of a sequence; see the base."""
        if not are_bare(CfCCell.forward, *self.cells):
            return super().steps_of(x, timespans)
        cells = [prepare(cell, x.shape[:2], timespans) for cell in self.cells]
        rows = cells[0].inputs(x).unbind()

        def step(i: int, hidden: Tensor) -> tuple[Tensor, Tensor]:
            states: list[Tensor] = []
            for cell, before in zip(cells, self._split(hidden), strict=True):
                inputs = cell.inputs(states[-1]) if states else rows[i]
                states.append(cell.advance(i, inputs, before))
            return states[-1], torch.cat(states, dim=1)

        return step

    @property
    def masks(self) -> LayerMasks:
        """The synapses that the network computes with, 1 each, (from, to).

        Those of the heads g and h: what opens a gate reads all of the layer before it.
        """
        (inter, _), (command, recurrent), (motor, _) = (
            _parts(cell, cell.sparsity_mask) for cell in self.cells
        )
        return as_masks(inter, command, motor, recurrent)

    @property
    def effects(self) -> LayerEffects:
        """What each synapse now does to the neuron that it leads to, near rest.

        That is the Jacobian of its cell's step at zero.
        """

        def plain(cell: CfCCell) -> tuple[Tensor, Tensor]:
            effect = cell.effect().detach().where(cell.sparsity_mask, 0)
            there, recurrent = _parts(cell, effect.cpu())
            return there.T.contiguous(), recurrent.T.contiguous()

        (inter, _), (command, recurrent), (motor, _) = map(plain, self.cells)
        return LayerEffects(
            inter=inter, command=command, motor=motor, recurrent=recurrent
        )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.motor.weight.device

    def _split(self, state: Tensor) -> tuple[Tensor, ...]:
        """Returns the (B, n) state of each cell."""
        return state.split_with_sizes([cell.n_hidden for cell in self.cells], dim=1)


def _parts(cell: CfCCell, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the blocks of an (H, F + H) matrix: from inputs, and from the state."""
    return matrix[:, : cell.in_features], matrix[:, cell.in_features :]
