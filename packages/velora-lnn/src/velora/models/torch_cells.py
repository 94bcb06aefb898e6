"""PyTorch's LSTM and GRU as networks, to compare the others with."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Generic

import torch
from torch import Tensor, nn

from velora.models.lnn.shapes import (
    check_batch,
    check_sequence,
    check_sizes,
    check_state,
    sequence_resets,
)
from velora.models.protocol import S, parts


class TorchNetwork(nn.Module, Generic[S]):
    """One of PyTorch's recurrent layers, and a linear layer on what it says.

    It has no wiring. It is a `velora.models.protocol.RecurrentNetwork` without times: a
    subclass says which layer it is, and of how many tensors its state. Weights start as
    PyTorch makes them.

    Args:
        in_features: size F of an input.
        out_features: size O of an output.
        n_neurons: hidden units H.
        device: where it is made.

    Raises:
        TypeError: a size is no integer.
        ValueError: a size is below 1.
    """

    layer: Any  # the class of the layer
    n_parts: int  # tensors of a state, each (B, H)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        n_neurons: int = 64,
        device: torch.device | str | None = None,
    ) -> None:
        check_sizes(
            in_features=in_features, out_features=out_features, n_neurons=n_neurons
        )
        super().__init__()
        # PyTorch's own refuses NumPy's integers, which spaces are counted with.
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.cell = self.layer(self.in_features, int(n_neurons), device=device)
        self.motor = nn.Linear(int(n_neurons), self.out_features, device=device)

    @property
    def hidden_size(self) -> int:
        """Hidden units H."""
        return self.motor.in_features

    def initial_state(self, batch_size: int) -> S:
        """Returns the state before a first step: zeros, (batch_size, H) each."""
        zeros = self.motor.weight.new_zeros(batch_size, self.hidden_size)
        state: S = self._state((zeros,) * self.n_parts)
        return state

    def forward(self, x: Tensor, state: S | None = None) -> tuple[Tensor, S]:
        """Goes one step: (B, F) inputs to (B, O) outputs, and the state after it.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        y, state = self.forward_sequence(x[None], state)
        return y[0], state

    def forward_sequence(
        self,
        x: Tensor,
        state: S | None = None,
        *,
        resets: Tensor | None = None,
        return_states: bool = False,
    ) -> Any:
        """Goes through a sequence; see `RecurrentNetwork.forward_sequence`.

        One call of PyTorch's layer reaches from a step at which some row resets to the
        next such step; where all states are wanted, over one step.
        """
        check_sequence(x, self.in_features)
        steps, batch, _ = x.shape
        now = parts(self.initial_state(batch) if state is None else state)
        for part in now:
            check_state(part, batch, self.hidden_size)
        resets = sequence_resets(resets, steps, batch)
        hidden, states = [], []
        for start, stop in pairwise(self._cuts(steps, resets, return_states)):
            if resets is not None:
                again = resets[start, :, None]
                now = tuple(part.masked_fill(again, 0) for part in now)
            y, last = self.cell(x[start:stop], self._state([p[None] for p in now]))
            now = tuple(part[0] for part in parts(last))
            hidden.append(y)
            states.append(now)
        outputs = self.motor(torch.cat(hidden)), self._state(now)
        if not return_states:
            return outputs
        after = [torch.stack(part) for part in zip(*states, strict=True)]
        return *outputs, self._state(after)

    def _cuts(self, steps: int, resets: Tensor | None, each: bool) -> list[int]:
        """Returns the steps where calls begin, and the end."""
        if each:
            return list(range(steps + 1))
        if resets is None:
            return [0, steps]
        return sorted({0, steps, *resets.any(dim=1).nonzero().flatten().tolist()})

    def _state(self, tensors: Any) -> Any:
        """Returns the tensors of a state as PyTorch's layer takes them."""
        return tuple(tensors) if self.n_parts > 1 else tensors[0]


class LSTMNetwork(TorchNetwork[tuple[Tensor, Tensor]]):
    """PyTorch's LSTM (Hochreiter and Schmidhuber 1997); its state is (hidden, cell)."""

    layer = nn.LSTM
    n_parts = 2


class GRUNetwork(TorchNetwork[Tensor]):
    """PyTorch's gated recurrent unit (Cho et al. 2014)."""

    layer = nn.GRU
    n_parts = 1
