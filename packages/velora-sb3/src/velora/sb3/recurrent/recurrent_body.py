"""A registered recurrent network whose state travels through an algorithm."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from velora.plugins import networks
from velora.sb3.common.network_body import build_network

State = tuple[Tensor, ...]


class StatefulBody(nn.Module):
    """Any registered recurrent network, with its state packed as an LSTM's.

    sb3-contrib's RecurrentPPO carries and stores the two tensors of an LSTM, each
    (layers, batch, hidden). A network's state is a tensor or a tuple of tensors with
    the batch first; it is laid out flat and cut into two such tensors of one layer.

    Args:
        name: the network's name in `velora.plugins.networks()`.
        in_features: size F of an input.
        out_features: size O of an output.
        options: what the network's builder takes beyond the sizes.
        timed: whether the network gets timespans.
        shown: whether the states after each step are wanted, too, of a network whose
            `forward_sequence` takes `return_states`.

    Attributes:
        num_layers: 1, as RecurrentPPO asks.
        hidden_size: numbers in each of the two tensors. A policy raises it where
            another network has more.
        n_shown: numbers in a state where states are shown, else 0.

    Raises:
        KeyError: the name is unknown; the message lists the known ones.
        TypeError: the builder does not take one of the options, or what it builds has
            no `forward_sequence` with `resets` (and `timespans` where it is timed), or
            no `initial_state` of tensors.
        ValueError: the network carries no state.
    """

    num_layers = 1
    network: Any  # a module that offers `forward_sequence` and `initial_state`

    def __init__(
        self,
        name: str,
        in_features: int,
        out_features: int,
        options: Mapping[str, Any],
        *,
        timed: bool = False,
        shown: bool = False,
    ) -> None:
        super().__init__()
        self.out_features = out_features
        entry = networks()[name]
        if not entry.recurrent:
            known = [key for key, other in networks().items() if other.recurrent]
            raise ValueError(
                f"RecurrentPPO needs a network that carries a state; {name!r} does "
                f"not. Those that do: {known}. Or pass this one to PPO."
            )
        methods = "forward_sequence", "initial_state"
        self.network = build_network(entry, in_features, out_features, options, methods)
        taken = inspect.signature(self.network.forward_sequence).parameters
        for argument in ("resets", "timespans") if timed else ("resets",):
            if argument not in taken:
                raise TypeError(
                    f"`forward_sequence` of the network {name!r} must take "
                    f"`{argument}` here; it takes {list(taken)}."
                )
        state = self.network.initial_state(1)
        if not all(isinstance(part, Tensor) for part in _parts(state)):
            raise TypeError(
                f"`initial_state` of the network {name!r} must return a tensor or a "
                f"tuple of tensors, each with the batch first; got {state!r:.200}."
            )
        self.is_tuple = isinstance(state, tuple)
        self.shapes = [tuple(part.shape[1:]) for part in _parts(state)]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self.hidden_size = math.ceil(sum(self.sizes) / 2)
        self.n_shown = sum(self.sizes) if shown and "return_states" in taken else 0

    def initial_state(self, batch_size: int) -> State:
        """Returns the network's state before a first step, as a tuple."""
        return _parts(self.network.initial_state(batch_size))

    def pack(self, state: State) -> State:
        """Packs a state, each part batch first, into two (1, batch, hidden_size)."""
        flat = torch.cat([part.reshape(len(part), -1) for part in state], dim=1)
        room = 2 * self.hidden_size - flat.shape[1]
        first, second = nn.functional.pad(flat, (0, room)).chunk(2, dim=1)
        return first[None].contiguous(), second[None].contiguous()

    def unpack(self, packed: State) -> State:
        """Gives the parts of a state, batch first, back from what `pack` made."""
        flat = torch.cat(packed, dim=2)[0]  # (B, 2 · hidden_size)
        parts = flat[:, : sum(self.sizes)].split_with_sizes(self.sizes, dim=1)
        pairs = zip(parts, self.shapes, strict=True)
        return tuple(part.reshape(-1, *shape) for part, shape in pairs)

    def forward(
        self,
        features: Tensor,
        packed: State,
        episode_starts: Tensor,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, State, Tensor | None]:
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
        features = _by_time(features, batch)
        state: Any = self.unpack(packed)
        options: dict[str, Any] = {"resets": _by_time(episode_starts, batch) != 0}
        if timespans is not None:
            options["timespans"] = _by_time(timespans.flatten(), batch)
        if self.n_shown:
            options["return_states"] = True
        y, state, *shown = self.network.forward_sequence(
            features, state if self.is_tuple else state[0], **options
        )
        name = type(self.network).__name__
        outputs = (*features.shape[:2], self.out_features)
        if _shape(y) != outputs:
            raise ValueError(
                f"`forward_sequence` of {name} must return outputs of the shape (T, "
                f"batch, out_features) = {outputs}; got {_shape(y)}."
            )
        parts = _parts(state)
        expected = [(batch, *shape) for shape in self.shapes]
        if [_shape(part) for part in parts] != expected:
            raise ValueError(
                f"`forward_sequence` of {name} must return a state of the shapes "
                f"{expected}, as `initial_state` does; got "
                f"{[_shape(part) for part in parts]}."
            )
        states = self._shown(shown, features.shape[:2]) if self.n_shown else None
        return _by_sequence(y), self.pack(parts), states

    def _shown(self, given: list[Any], size: torch.Size) -> Tensor:
        """Returns the (B·T, n_shown) states after each step, of sizes (T, B)."""
        parts = _parts(given[0]) if len(given) == 1 else ()
        expected = [(*size, *shape) for shape in self.shapes]
        if [_shape(part) for part in parts] != expected:
            raise ValueError(
                f"`forward_sequence` of {type(self.network).__name__} must return as a "
                "third result, with `return_states`, the states after each step, of "
                f"the shapes {expected}; got {[_shape(part) for part in parts]}."
            )
        rows = [part.reshape(*size, -1) for part in parts]
        return _by_sequence(torch.cat(rows, dim=2))


def _parts(state: Tensor | State) -> State:
    return state if isinstance(state, tuple) else (state,)


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _by_time(rows: Tensor, batch: int) -> Tensor:
    """Turns (B·T, ...) rows into (T, B, ...)."""
    return rows.view(batch, -1, *rows.shape[1:]).transpose(0, 1)


def _by_sequence(steps: Tensor) -> Tensor:
    """Turns (T, B, N) back into (B·T, N) rows."""
    return steps.transpose(0, 1).flatten(0, 1)
