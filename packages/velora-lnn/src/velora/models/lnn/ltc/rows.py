"""Compressed rows: the synapses of a mask, and nothing where there is none."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """The K synapses of a (to, from) mask, sorted by the neuron that they lead to.

    Attributes:
        starts: (to + 1,) where the synapses of each neuron start, and K.
        targets: (K,) the neurons that they lead to.
        sources: (K,) the neurons that they come from.
    """

    starts: Tensor
    targets: Tensor
    sources: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> Rows:
        """Returns the rows of a (to, from) mask of booleans."""
        targets, sources = mask.nonzero(as_tuple=True)
        ends = mask.sum(1).cumsum(0)
        return cls(torch.cat((ends.new_zeros(1), ends)), targets, sources)

    def dense(self, values: Tensor, n_sources: int) -> Tensor:
        """Returns (V, K) values of synapses as (V, to, from), 0 where there is none."""
        shape = len(values), len(self.starts) - 1, n_sources
        where = (torch.arange(len(values), device=values.device)[:, None],)
        return values.new_zeros(shape).index_put(
            (*where, self.targets, self.sources), values
        )
