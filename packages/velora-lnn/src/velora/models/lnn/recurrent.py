"""What recurrent networks with a wiring share: a subclass says what its cell is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from velora.models.lnn.activation import mish
from velora.models.lnn.recurrent_cell import RecurrentCell, scan_or_steps
from velora.models.lnn.sequences import SequenceNetwork
from velora.models.lnn.wired import WiredNetwork
from velora.models.protocol import Timespans

__all__ = ["RecurrentCell", "RecurrentNCPNetwork"]


class RecurrentNCPNetwork(SequenceNetwork, WiredNetwork):
    """A recurrent network with a wiring: the state goes in and comes out.

    sensory → inter (`SparseLinear`) → Mish → command (a `RecurrentCell`) → Mish →
    motor (`SparseLinear`). The network keeps no state. A subclass says in
    `build_command` what its cell is; a cell or network with a fast path for sequences
    overrides `over_time`. Arguments, attributes and errors are those of `WiredNetwork`;
    it is a `velora.models.protocol.RecurrentNetwork[Tensor]`.
    """

    command: RecurrentCell

    @property
    def hidden_size(self) -> int:
        """Size H of the state: the command neurons."""
        return self.command.n_hidden

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return self.motor.weight.new_zeros(batch_size, self.hidden_size)

    def step(
        self, x: Tensor, hidden: Tensor, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; see the base."""
        inter = mish(self.inter(self.normed("inter", x)))
        y, hidden = self.command(self.normed("command", inter), hidden, timespans)
        return self.motor(self.normed("motor", mish(y))), hidden

    def frozen_step(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """Returns the step as a function of the weights of now, without gradients.

        The function takes and returns what `forward` does. What is done to the network
        later does not reach it.

        Raises:
            ValueError: the network normalises, and a snapshot would not follow the
                statistics.
        """
        if self.norms is not None:
            raise ValueError(
                "A frozen step must be of a network without `norm`; this one has "
                f"{self.norms['inter']}. Call the network itself."
            )
        return super().frozen_step()

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence, layer by layer.

        Arguments are as in `RecurrentCell.over_time`, x of (T, B, F) sensory inputs.

        Returns:
            y: (T, B, O) outputs.
            states: (T, B, H) states after each step.
        """
        inter = mish(self.inter(self.normed("inter", x)))
        y, states = scan_or_steps(self.command)(
            self.normed("command", inter), hidden, resets=resets, timespans=timespans
        )
        return self.motor(self.normed("motor", mish(y))), states

    def command_synapses(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (to, from) masks from inter neurons and among command ones."""
        from_inter = self.command.in_features
        mask = self.command.sparsity_mask
        return mask[:, :from_inter], mask[:, from_inter:]

    @torch.inference_mode(False)  # in which PyTorch 2.11 takes it for zero
    def command_effect(self) -> tuple[Tensor, Tensor | None]:
        """Returns the Jacobian of the command neurons' outputs near rest, (to, from).

        It is taken at zero, and says how strong each synapse is.
        """
        inter = self.inter.weight.new_zeros(self.command.in_features)
        hidden = inter.new_zeros(self.hidden_size)

        def output(x: Tensor, h: Tensor) -> Tensor:
            y: Tensor = self.command(x[None], h[None])[0]
            return y[0]

        jacobian: tuple[Tensor, Tensor]
        jacobian = torch.func.jacrev(output, argnums=(0, 1))(inter, hidden)
        return jacobian
