"""A registered network over RLlib's batches, and what it remembers in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.protocol import State, parts
from velora.plugins import NetworkEntry


class Body(nn.Module):
    """Any registered network; in RLlib its state is a dict of tensors.

    Args:
        entry: the network in `velora.plugins.networks()`.
        in_features: size F of an input.
        out_features: size O of an output.
        options: what the network's builder takes beyond the sizes.

    Attributes:
        network: the network itself.
        name: that it is registered by.
        options: as they were given.
        recurrent: whether it carries a state.

    Raises:
        TypeError: the builder does not take the options, or what it builds is no
            module, or is recurrent and goes through no sequences.
    """

    network: Any

    def __init__(
        self,
        entry: NetworkEntry,
        in_features: int,
        out_features: int,
        options: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.name, self.options = entry.name, dict(options)
        self.in_features, self.out_features = in_features, out_features
        self.recurrent = entry.recurrent
        try:
            network: Any = entry.build(in_features, out_features, **options)
        except TypeError as error:
            raise TypeError(
                f"the options of the network {entry.name!r} must be those of its "
                f"builder; got {self.options}: {error}"
            ) from error
        methods = ("forward_sequence", "initial_state") if entry.recurrent else ()
        has_methods = all(callable(getattr(network, name, None)) for name in methods)
        if not isinstance(network, nn.Module) or not has_methods:
            raise TypeError(
                f"the network {entry.name!r} must be a torch.nn.Module"
                f"{' with ' if methods else ''}{' and '.join(methods)}; got "
                f"{type(network).__name__}."
            )
        self.network = network
        state = self.network.initial_state(1) if entry.recurrent else ()
        self._is_tuple = isinstance(state, tuple)
        self._dtypes = [part.dtype for part in parts(state)]

    def initial_state(self, batch_size: int) -> dict[str, Tensor]:
        """Returns the state before a first step, empty where there is none."""
        if not self.recurrent:
            return {}
        return _named(self.network.initial_state(batch_size))

    def forward(
        self, x: Tensor, state: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Computes the outputs, over time where there is a state.

        Args:
            x: (B, T, F) inputs; (B, F), too, of a network that carries no state.
            state: before the first step, (B, ...) each; None is the initial one.

        Returns:
            y: (B, T, O) or (B, O) outputs.
            state: after the last step.
        """
        if not self.recurrent:
            y = self.network(x.reshape(-1, self.in_features))
            # A network may drop the batch of a single row.
            return y.reshape(*x.shape[:-1], self.out_features), {}
        before = None if state is None else self._as_given(state)
        y, after = self.network.forward_sequence(x.transpose(0, 1), before)
        return y.transpose(0, 1), _named(after)

    def _as_given(self, state: Mapping[str, Tensor]) -> State:
        """Returns a state as the network takes it."""
        # By number, as who passes a dict on may sort it; RLlib makes 32 bits of 64.
        named = (state[str(number)] for number in range(len(state)))
        tensors = tuple(
            part if part.is_floating_point() else part.to(dtype)
            for part, dtype in zip(named, self._dtypes, strict=True)
        )
        return tensors if self._is_tuple else tensors[0]


def _named(state: State) -> dict[str, Tensor]:
    """Returns the tensors of a state by their numbers."""
    return {str(number): part for number, part in enumerate(parts(state))}


def without_padding(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Returns (B, T, F) inputs with zeros from the length of each row on.

    No step before sees them, but a gradient of what comes out of NaN is NaN.
    """
    if lengths is None:
        return x
    steps = torch.arange(x.shape[1], device=x.device)
    return x.masked_fill((steps >= lengths.reshape(-1, 1))[..., None], 0)
