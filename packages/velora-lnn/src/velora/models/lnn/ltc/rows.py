"""Compressed rows: the synapses of a mask, and nothing where there is none."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """K synapses in a (to, from) matrix, sorted by the neuron that they lead to.

    Attributes:
        starts: (to + 1,) where the synapses of each neuron start, and K.
        targets: (K,) the neurons that they lead to.
        sources: (K,) the neurons that they come from.
        places: (K,) where they are in the matrix of all synapses, row after row.
    """

    starts: Tensor
    targets: Tensor
    sources: Tensor
    places: Tensor

    def compress(self, synapses: Tensor) -> Tensor:
        """Returns (V, K) values of (V, H, F + H) ones of all pairs."""
        return synapses.flatten(1).gather(1, self.places.expand(len(synapses), -1))

    def put(self, values: Tensor, synapses: Tensor) -> None:
        """Writes (V, K) values where they are among (V, H, F + H) ones."""
        synapses.flatten(1).scatter_(1, self.places.expand(len(values), -1), values)


Circuit = tuple[Tensor, tuple[Rows, Tensor], tuple[Rows, Tensor]]
"""Neurons, (3, H), and the synapses from inputs and among them: rows, (4, K) values."""


def rows_of(mask: Tensor, in_features: int) -> tuple[Rows, Rows]:
    """Returns the rows of a (H, F + H) mask: from F inputs, and among H neurons."""
    width = mask.shape[1]

    def rows(first: int, columns: Tensor) -> Rows:
        targets, sources = columns.nonzero(as_tuple=True)
        starts = targets.new_zeros(len(columns) + 1)
        torch.cumsum(columns.sum(1), 0, out=starts[1:])
        return Rows(starts, targets, sources, targets * width + sources + first)

    return rows(0, mask[:, :in_features]), rows(in_features, mask[:, in_features:])
