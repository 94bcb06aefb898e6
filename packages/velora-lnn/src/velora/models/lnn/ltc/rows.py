"""Compressed rows: the synapses of a mask, and nothing where there is none."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary


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


# By mask: what it held, and its rows.
_KNOWN: MutableMapping[Tensor, tuple[Tensor, tuple[Rows, Rows]]]
_KNOWN = WeakTensorKeyDictionary()


def rows_of(mask: Tensor, in_features: int) -> tuple[Rows, Rows]:
    """Returns the rows of a (H, F + H) mask: from F inputs, and among H neurons.

    They are found anew where a mask has changed, in whichever way: to compare it costs
    little beside a step.
    """
    if known := _KNOWN.get(mask):
        held, rows = known
        if held.device == mask.device and torch.equal(held, mask):
            return rows
    inputs, neurons = mask[:, :in_features], mask[:, in_features:]
    width = mask.shape[1]
    rows = _rows(inputs, 0, width), _rows(neurons, in_features, width)
    _KNOWN[mask] = mask.clone(), rows
    return rows


def _rows(mask: Tensor, first: int, width: int) -> Rows:
    """Returns the rows of some columns of all `width`, from `first` on."""
    targets, sources = mask.nonzero(as_tuple=True)
    starts = targets.new_zeros(len(mask) + 1)
    torch.cumsum(mask.sum(1), 0, out=starts[1:])
    return Rows(starts, targets, sources, targets * width + sources + first)
