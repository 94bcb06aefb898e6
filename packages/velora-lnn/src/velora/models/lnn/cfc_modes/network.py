"""A dense network of one closed-form continuous-time (CfC) cell."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from velora.models.lnn.bare import are_bare
from velora.models.lnn.cfc_modes.cell import cell_of
from velora.models.lnn.cfc_modes.memory import Memory
from velora.models.lnn.cfc_modes.prepared import prepare
from velora.models.lnn.recurrent_cell import scan_or_steps
from velora.models.lnn.sequences import SequenceNetwork
from velora.models.lnn.shapes import check_sizes
from velora.models.protocol import Timespans


class CfCNetwork(SequenceNetwork):
    """A dense closed-form continuous-time (CfC) network: a cell, then a linear layer.

    inputs → `CfCCell`, with a backbone → `nn.Linear`. It has no wiring, and keeps no
    state. Source: Hasani et al. 2022, "Closed-form continuous-time neural networks".

    Args:
        in_features: size F of an input.
        out_features: size O of an output; None leaves out the last layer, and the
            state is the output.
        n_neurons: size H of the state.
        mode: "default", "no_gate" or "pure": what the cell makes of its heads; see
            `velora.models.lnn.cfc_modes.modes`.
        backbone_units: as in `CfCCell`.
        backbone_layers: as in `CfCCell`.
        backbone_dropout: as in `CfCCell`.
        device: where the network is made; None is PyTorch's default.

    Attributes:
        cell: `CfCCell`.
        motor: `nn.Linear`, or `nn.Identity`.
        out_features: size of an output.

    Raises:
        TypeError: a size is no integer, or the dropout no number.
        ValueError: a size is too small, the mode unknown or the dropout outside [0, 1).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int | None,
        *,
        n_neurons: int = 64,
        mode: str = "default",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        backbone_dropout: float = 0.0,
        device: torch.device | str | None = None,
    ) -> None:
        sizes = {"in_features": in_features, "n_neurons": n_neurons}
        if out_features is not None:
            sizes["out_features"] = out_features
        check_sizes(**sizes)
        super().__init__()
        self.in_features = in_features
        self.out_features = n_neurons if out_features is None else out_features
        self.cell = cell_of(mode)(
            in_features,
            n_neurons,
            backbone_units=backbone_units,
            backbone_layers=backbone_layers,
            backbone_dropout=backbone_dropout,
            device=device,
        )
        self.motor: nn.Module = nn.Identity()
        if out_features is not None:
            self.motor = nn.Linear(n_neurons, out_features, device=device)

    @property
    def hidden_size(self) -> int:
        """Size H of the state."""
        return self.cell.n_hidden

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return self.cell.weight.new_zeros(batch_size, self.hidden_size)

    def step(
        self, x: Tensor, hidden: Tensor, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; see the base."""
        y, hidden = self.cell(x, hidden, timespans)
        return self.motor(y), hidden

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence; see the base."""
        y, states = scan_or_steps(self.cell)(
            x, hidden, resets=resets, timespans=timespans
        )
        return self.motor(y), states

    def with_memory(
        self,
        x: Tensor,
        hidden: Tensor,
        memory: Memory,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor] | None:
        """Goes through a sequence with an LSTM's memory beside the state.

        Arguments are as in `over_time`, `hidden` (B, 2·H), state and memory.

        Returns:
            y: (T, B, O) outputs.
            states: (T, B, 2·H) states and memories after each step.
            Or None, where the cell has to be called at each step.
        """
        if not are_bare(type(self.cell).forward, self.cell):
            return None
        states = self.cell.scan(
            x, hidden, resets=resets, timespans=timespans, memory=memory
        )
        return self.motor(states[..., : self.hidden_size]), states

    def steps_of(
        self, x: Tensor, timespans: Timespans = None
    ) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
        """Returns a function that goes one step of a sequence; see the base."""
        if not are_bare(type(self.cell).forward, self.cell):
            return super().steps_of(x, timespans)
        cell = prepare(self.cell, x.shape[:2], timespans)
        rows = cell.inputs(x).unbind()

        def step(i: int, hidden: Tensor) -> tuple[Tensor, Tensor]:
            hidden = cell.advance(i, rows[i], hidden)
            return self.motor(hidden), hidden

        return step
