"""The base of recurrent cells that obey a wiring: one step of a recurrence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from velora.models.lnn.bare import are_bare
from velora.models.protocol import Timespans


class RecurrentCell(nn.Module, ABC):
    """The command neurons of a `RecurrentNCPNetwork`: one step of a recurrence.

    Attributes:
        in_features: size F of an input.
        n_hidden: size H of the state and of the output.
        sparsity_mask: (H, F + H), true where a synapse is: from the inputs, then from
            the state.
    """

    in_features: int
    n_hidden: int
    sparsity_mask: Tensor

    @abstractmethod
    def forward(
        self, x: Tensor, hidden: Tensor, timespans: Timespans = None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            hidden: (B, H) state.
            timespans: time since the last step: a number, (B,) or (B, 1); 1 where
                none are given.

        Returns:
            y: (B, H) outputs.
            hidden: (B, H) state.
        """

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence, step by step; a cell with a scan overrides this.

        Arguments are checked already, and come in one form each.

        Args:
            x: (T, B, F) inputs.
            hidden: (B, H) state before the first step.
            resets: (T, B) booleans, true where the state is zero before that step.
            timespans: None, a number, or a tensor of shape () or (T, B, 1).

        Returns:
            y: (T, B, H) outputs.
            states: (T, B, H) states after each step.
        """
        varying = isinstance(timespans, Tensor) and timespans.dim() > 0
        outputs, states = [], []
        for step, now in enumerate(x.unbind()):
            if resets is not None:
                hidden = hidden.masked_fill(resets[step, :, None], 0)
            t = timespans[step] if varying else timespans  # type: ignore[index]  # a tensor
            y, hidden = self(now, hidden, t)
            outputs.append(y)
            states.append(hidden)
        return torch.stack(outputs), torch.stack(states)


def scan_or_steps(cell: RecurrentCell) -> Callable[..., tuple[Tensor, Tensor]]:
    """Returns the cell's scan, or its steps where they do what the scan does not."""
    kinds = type(cell).__mro__
    step, scan = (
        next(i for i, kind in enumerate(kinds) if name in vars(kind))
        for name in ("forward", "over_time")
    )
    if step < scan or not are_bare(type(cell).forward, cell):
        return partial(RecurrentCell.over_time, cell)
    return cell.over_time
