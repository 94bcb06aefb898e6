"""The leaky integrator as a cell that obeys a wiring, and as a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leaky.scan import scan
from velora.models.lnn.recurrent import RecurrentCell, RecurrentNCPNetwork
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.lnn.sparse import SparseLinear, oriented
from velora.models.protocol import Timespans


class LeakyCell(RecurrentCell):
    """h' = h·exp(-t/τ) + (1 - exp(-t/τ))·tanh(W [x, h] + b), with a τ a neuron."""

    def __init__(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> None:
        super().__init__()
        self.in_features, self.n_hidden = in_features, n_hidden
        whole = torch.cat((oriented(mask), mask.new_ones(n_hidden, n_hidden)), dim=1)
        self.drive = SparseLinear(in_features + n_hidden, n_hidden, whole, **options)
        self.log_tau = nn.Parameter(self.drive.weight.new_zeros(n_hidden))

    @property
    def sparsity_mask(self) -> Tensor:  # type: ignore[override]  # not one of its own
        return self.drive.mask

    def forward(
        self, x: Tensor, hidden: Tensor, timespans: Timespans = None
    ) -> tuple[Tensor, Tensor]:
        check_batch(x, self.in_features)
        check_state(hidden, len(x), self.n_hidden)
        t = step_timespans(timespans, len(x))
        y, states = self.over_time(x[None], hidden, timespans=t)
        return y[0], states[0]

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        weight = self.drive.weight * self.drive.mask
        sizes = (self.in_features, self.n_hidden)
        from_inputs, from_state = torch.split_with_sizes(weight, sizes, dim=1)
        inputs = functional.linear(x, from_inputs, self.drive.bias)
        t = 1.0 if timespans is None else timespans
        decay = torch.exp(-t * torch.exp(-self.log_tau)).expand_as(inputs)
        states = scan(inputs, from_state, hidden, decay, resets)
        return states, states


class LeakyNCPNetwork(RecurrentNCPNetwork):
    """sensory → inter → Mish → leaky integrators → Mish → motor."""

    def build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> LeakyCell:
        return LeakyCell(in_features, n_hidden, mask, **options)


def build_leaky(
    in_features: int, out_features: int, *, n_neurons: int = 16, **options: Any
) -> LeakyNCPNetwork:
    """What is registered."""
    return LeakyNCPNetwork(in_features, n_neurons, out_features, **options)
