"""What recurrent networks with a wiring share: a subclass says what its cell is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, overload

import torch
from torch import Tensor

from velora.models.lnn.activation import mish
from velora.models.lnn.bare import are_bare
from velora.models.lnn.eager import is_exported
from velora.models.lnn.frozen import FrozenNetwork
from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.shapes import (
    check_batch,
    check_sequence,
    check_state,
    sequence_resets,
    sequence_timespans,
)
from velora.models.lnn.wired import WiredNetwork, unbatched
from velora.models.protocol import Timespans

__all__ = ["RecurrentCell", "RecurrentNCPNetwork"]


class RecurrentNCPNetwork(WiredNetwork):
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

    def forward(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            h_state: (B, H) state; None starts from zero.
            timespans: time since the last step: a number, (B,) or (B, 1); 1 where
                none are given.

        Returns:
            y: (B, O) outputs; (O,) when B is 1, but not in what `torch.export` makes.
            h_state: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        if h_state is None:
            h_state = self.initial_state(x.shape[0])
        inter = mish(self.inter(self.normed("inter", x)))
        y, h_state = self.command(self.normed("command", inter), h_state, timespans)
        return unbatched(self.motor(self.normed("motor", mish(y)))), h_state

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[False] = False,
        batch_first: bool = False,
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[True],
        batch_first: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]: ...

    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: bool = False,
        batch_first: bool = False,
    ) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]:
        """Goes through a (T, B, F) sequence, or (B, T, F) with `batch_first`.

        The numbers are those of its single steps.

        Args:
            x: (T, B, F) inputs. Time is first: inputs of (B, T, F) cannot be told from
                them, and are other steps of other environments.
            h_state: (B, H) state before the first step; None starts from zero.
            resets: (T, B), true where the state is zero *before* that step, as
                where an episode starts.
            timespans: time since the last step: a number, (T,), (T, B) or (T, B, 1);
                1 where none are given.
            return_states: whether the states after each step are returned as well.
            batch_first: whether the batch is the first dimension, and time the second,
                of x, resets, timespans of (B, T) or (B, T, 1), y and states.

        Returns:
            y: (T, B, O) outputs.
            h_state: (B, H) state after the last step.
            states: (T, B, H) states after each step, with `return_states`.

        Raises:
            TypeError: an argument is no tensor.
            ValueError: an argument has another shape; nothing is broadcast.
        """
        check_sequence(x, self.in_features)
        if batch_first:
            x, resets, timespans = map(_transposed, (x, resets, timespans))
        steps, batch, _ = x.shape
        hidden = self.initial_state(batch) if h_state is None else h_state
        check_state(hidden, batch, self.hidden_size)
        if is_exported():
            # Whether a transposed batch is contiguous depends on its size, and would
            # be recorded.
            x, resets, timespans = map(_laid_out, (x, resets, timespans))
        y, states = self.over_time(
            x,
            hidden,
            resets=sequence_resets(resets, steps, batch),
            timespans=sequence_timespans(timespans, steps, batch),
        )
        last = states[-1]
        if batch_first:
            y, states = y.transpose(0, 1), states.transpose(0, 1)
        return (y, last, states) if return_states else (y, last)

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
        return FrozenNetwork(self)

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
        y, states = _over_time(self.command)(
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


def _transposed(value: Any) -> Any:
    """Gives a batch-first tensor as time first; what has no batch stays as it is."""
    has_batch = isinstance(value, Tensor) and value.dim() > 1
    return value.transpose(0, 1) if has_batch else value


def _laid_out(value: Any) -> Any:
    """Copies a tensor to where its last dimension is densest; the rest stays."""
    is_tensor = isinstance(value, Tensor)
    return value.clone(memory_format=torch.contiguous_format) if is_tensor else value


def _over_time(cell: RecurrentCell) -> Callable[..., tuple[Tensor, Tensor]]:
    """Returns the cell's scan, or its steps where they do what the scan does not."""
    kinds = type(cell).__mro__
    step, scan = (
        next(i for i, kind in enumerate(kinds) if name in vars(kind))
        for name in ("forward", "over_time")
    )
    if step < scan or not are_bare(type(cell).forward, cell):
        return partial(RecurrentCell.over_time, cell)
    return cell.over_time
