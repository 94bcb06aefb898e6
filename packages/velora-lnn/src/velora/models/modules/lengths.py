"""Rows of a batch that end before others: their lengths, what is padding, and packing.

Time is first in every tensor here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from velora.models.lnn.eager import is_at_hand


def check_lengths(
    lengths: Tensor | Sequence[int], steps: int, batch: int, device: torch.device
) -> Tensor:
    """Returns how many steps each row has, (B,), on a device.

    Raises:
        TypeError: they are no integers.
        ValueError: they are not as many as rows, or one is below 1 or above `steps`.
    """
    given = torch.as_tensor(lengths)
    if given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
        raise TypeError(f"`lengths` must be integers; got {given.dtype}.")
    if tuple(given.shape) != (batch,):
        raise ValueError(
            f"`lengths` must have shape (batch,) = ({batch},), a number of steps for "
            f"each row; got {tuple(given.shape)}."
        )
    if is_at_hand(given) and not bool(((given >= 1) & (given <= steps)).all()):
        raise ValueError(
            f"`lengths` must be from 1 to the steps that there are, {steps}; got "
            f"{given.tolist()}. Leave rows without a step out."
        )
    return given.to(device, torch.int64)


def padding(lengths: Tensor, steps: int) -> Tensor:
    """Returns where rows have ended, (T, B) booleans."""
    return torch.arange(steps, device=lengths.device)[:, None] >= lengths


def at_the_end(values: Tensor, lengths: Tensor) -> Tensor:
    """Returns the (B, N) values of each row's last step; values: (T, B, N)."""
    rows = torch.arange(values.shape[1], device=values.device)
    return values[lengths - 1, rows]


def packed_like(y: Tensor, lengths: Tensor, x: PackedSequence) -> PackedSequence:
    """Packs (T, B, O) outputs in the order in which the inputs x were packed."""
    if x.sorted_indices is not None:
        y = y.index_select(1, x.sorted_indices)
        lengths = lengths[x.sorted_indices]
    data = pack_padded_sequence(y, lengths.cpu()).data
    return PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
