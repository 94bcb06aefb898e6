"""PyTorch's GRU as a network of Velora, in one fused call from reset to reset."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from velora.plugins import NetworkRegistry, hookimpl


class GRUNetwork(nn.Module):
    """A GRU of `n_neurons` hidden units, and a linear layer on what they say."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        n_neurons: int = 64,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.gru = nn.GRU(in_features, n_neurons, device=device)
        self.out = nn.Linear(n_neurons, out_features, device=device)

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return self.out.weight.new_zeros(batch_size, self.gru.hidden_size)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Goes one step forward: (B, F) inputs to (B, O) outputs and the state."""
        y, state = self.forward_sequence(x[None], state)
        return y[0], state

    def forward_sequence(
        self, x: Tensor, state: Tensor | None = None, *, resets: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Goes through (T, B, F) inputs; the state is zero before a step that resets.

        Returns (T, B, O) outputs and the (B, H) state after the last step. One call of
        the GRU reaches from one step where some environment resets to the next.
        """
        state = self.initial_state(x.shape[1]) if state is None else state
        starts, hidden = {0}, []
        if resets is not None:
            if resets.shape != x.shape[:2]:
                raise ValueError(
                    f"`resets` must have shape (T, B) = {tuple(x.shape[:2])}; got "
                    f"{tuple(resets.shape)}."
                )
            starts |= set(resets.any(dim=1).nonzero().flatten().tolist())
        for start, stop in pairwise([*sorted(starts), len(x)]):
            if resets is not None:
                state = state.masked_fill(resets[start, :, None].bool(), 0.0)
            part, last = self.gru(x[start:stop], state[None])
            state = last[0]
            hidden.append(part)
        return self.out(torch.cat(hidden)), state


@hookimpl
def velora_register_networks(registry: NetworkRegistry) -> None:
    """Registers the GRU, which carries a state."""
    registry.add("torch-gru", GRUNetwork, recurrent=True, summary="PyTorch's GRU")
