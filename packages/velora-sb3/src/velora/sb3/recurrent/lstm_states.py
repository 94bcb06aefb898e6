"""A network's state as the two tensors of an LSTM, which RecurrentPPO carries."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn.eager import is_recorded
from velora.sb3.recurrent.recurrent_body import RecurrentBody


class PackedBody(RecurrentBody):
    """A recurrent network called as sb3-contrib calls an LSTM; see `RecurrentBody`.

    RecurrentPPO carries and stores the two tensors of an LSTM, each (layers, batch,
    hidden), and lays its sequences out as rows, one after another. A network's state is
    laid out flat and cut into two such tensors of one layer.

    Attributes:
        num_layers: 1, as RecurrentPPO asks.
        hidden_size: numbers in each of the two tensors. A policy raises it where
            another network has more.
    """

    num_layers = 1

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.hidden_size = math.ceil(sum(self.sizes) / 2)

    def pack(self, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Packs a state, each part batch first, into two (1, batch, hidden_size)."""
        flat = torch.cat([part.reshape(part.shape[0], -1) for part in state], dim=1)
        room = 2 * self.hidden_size - flat.shape[1]
        first, second = nn.functional.pad(flat, (0, room)).chunk(2, dim=1)
        return first[None], second[None]

    def unpack(self, packed: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Gives the parts of a state, batch first, back from what `pack` made."""
        flat = torch.cat(packed, dim=2)[0]  # (B, 2 · hidden_size)
        flats = flat[:, : sum(self.sizes)].split_with_sizes(self.sizes, dim=1)
        pairs = zip(flats, self.shapes, strict=True)
        return tuple(part.reshape(-1, *shape) for part, shape in pairs)

    def forward(
        self,
        features: Tensor,
        packed: tuple[Tensor, ...],
        episode_starts: Tensor,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
        """Goes through sequences, from a state of each.

        Args:
            features: (B·T, F), each sequence's T steps one after another.
            packed: two tensors of (1, B, hidden_size).
            episode_starts: (B·T,), not zero where an episode starts.
            timespans: (B·T,) or (B·T, 1) time since the last step.

        Returns:
            outputs: (B·T, O) in the same order.
            packed: after the last steps.
            states: (B·T, n_shown) after each step, where they are shown, else None.

        Raises:
            ValueError: the network returns outputs or a state of another shape.
        """
        batch = packed[0].shape[1]
        if timespans is not None:
            timespans = _by_time(timespans.flatten(), batch)
        outputs, state, states = self.forward_sequence(
            _by_time(features, batch),
            self.unpack(packed),
            resets=_by_time(episode_starts, batch) != 0,
            timespans=timespans,
        )
        rows = None if states is None else _by_sequence(states)
        return _by_sequence(outputs), self.pack(state), rows


def _by_time(rows: Tensor, batch: int) -> Tensor:
    """Turns (B·T, ...) rows into (T, B, ...)."""
    if not is_recorded() and rows.shape[0] == batch:
        return rows[None]  # an export could not see that the division below gives 1
    return rows.view(batch, -1, *rows.shape[1:]).transpose(0, 1)


def _by_sequence(steps: Tensor) -> Tensor:
    """Turns (T, B, N) back into (B·T, N) rows."""
    return steps.transpose(0, 1).flatten(0, 1)
