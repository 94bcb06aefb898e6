"""A registered recurrent network over sequences, whatever its state is made of."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from velora.models.lnn.shapes import has_shape
from velora.models.protocol import RecurrentNetwork, State, parts, takes
from velora.plugins import NetworkEntry
from velora.sb3.common.network_body import build_network, outputs_and_state

_ROWS = 3  # of a state that is looked at; LSTM's first dimension is often 1 or 2


class RecurrentBody(nn.Module):
    """Any registered recurrent network; here its state is always a tuple of tensors.

    Args:
        entry: the network in `velora.plugins.networks()`, a recurrent one.
        in_features: size F of an input.
        out_features: size O of an output.
        options: what the network's builder takes beyond the sizes.
        timed: whether the network gets timespans.
        shown: whether the states after each step are wanted, too, of a network whose
            `forward_sequence` takes `return_states`.

    Attributes:
        network: the network itself.
        shapes: of each tensor of a state, without the batch.
        dtypes: of each of them.
        sizes: numbers in each of them.
        n_shown: numbers in a state where states are shown, else 0.

    Raises:
        TypeError: the builder does not take one of the options, or what it builds has
            no `forward_sequence` with `resets` (and `timespans` where it is timed), or
            no `initial_state` of tensors.
        ValueError: a part of the initial state has not the batch first.
    """

    network: RecurrentNetwork[Any]

    def __init__(
        self,
        entry: NetworkEntry,
        in_features: int,
        out_features: int,
        options: Mapping[str, Any],
        *,
        timed: bool = False,
        shown: bool = False,
    ) -> None:
        super().__init__()
        self.out_features = out_features
        methods = "forward_sequence", "initial_state"
        network = build_network(entry, in_features, out_features, options, methods)
        self.network = cast("RecurrentNetwork[Any]", network)  # it has the methods
        forward_sequence = self.network.forward_sequence
        for argument in ("resets", "timespans") if timed else ("resets",):
            if not takes(forward_sequence, argument):
                taken = list(inspect.signature(forward_sequence).parameters)
                raise TypeError(
                    f"`forward_sequence` of the network {entry.name!r} must take "
                    f"`{argument}` here; it takes {taken}."
                )
        state = self.network.initial_state(_ROWS)
        if not all(isinstance(part, Tensor) for part in parts(state)):
            raise TypeError(
                f"`initial_state` of the network {entry.name!r} must return a tensor "
                "or a tuple of tensors, each with the batch first; got "
                f"{[type(part).__name__ for part in parts(state)]}."
            )
        shapes = [tuple(part.shape) for part in parts(state)]
        if any(shape[:1] != (_ROWS,) for shape in shapes):
            raise ValueError(
                f"`initial_state({_ROWS})` of the network {entry.name!r} must have the "
                "batch in dimension 0 of every part; got parts of the shapes "
                f"{shapes}. Move it there in `forward_sequence` and back."
            )
        self.is_tuple = isinstance(state, tuple)
        self.shapes = [shape[1:] for shape in shapes]
        self.dtypes = [part.dtype for part in parts(state)]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        shows = shown and takes(forward_sequence, "return_states")
        self.n_shown = sum(self.sizes) if shows else 0

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        """Returns the network's state before a first step."""
        return parts(self.network.initial_state(batch_size))

    def as_given(self, state: tuple[Tensor, ...]) -> State:
        """Returns a state as the network takes it: a tensor, or a tuple of tensors."""
        return state if self.is_tuple else state[0]

    def from_arrays(
        self, arrays: Any, batch_size: int, device: torch.device
    ) -> tuple[Tensor, ...]:
        """Returns a state that came out as arrays, with the batch first.

        Raises:
            ValueError: they have other shapes.
        """
        shapes = [(batch_size, *shape) for shape in self.shapes]
        given = arrays if isinstance(arrays, tuple | list) else (arrays,)
        got = [np.shape(part) for part in given]
        if got != shapes:
            raise ValueError(
                f"`state` must be a tuple of arrays of shapes {shapes}, as `predict` "
                f"returns it for as many environments; got {got}."
            )
        return tuple(
            torch.as_tensor(part, dtype=dtype, device=device)
            for part, dtype in zip(given, self.dtypes, strict=True)
        )

    def flat(self, state: tuple[Tensor, ...]) -> Tensor | None:
        """Returns a state as (batch, n_shown) numbers, where states are shown."""
        if not self.n_shown:
            return None
        rows = (part.reshape(part.shape[0], -1) for part in state)
        return torch.cat([part.float() for part in rows], dim=1)

    def forward(
        self,
        features: Tensor,
        state: tuple[Tensor, ...],
        episode_starts: Tensor,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
        """Goes one step; see `step`."""
        return self.step(features, state, episode_starts, timespans)

    def step(
        self,
        features: Tensor,
        state: tuple[Tensor, ...],
        episode_starts: Tensor,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
        """Goes one step.

        Args:
            features: (B, F).
            state: before the step, each tensor with the batch first.
            episode_starts: (B,), not zero where an episode starts.
            timespans: (B,) or (B, 1) time since the last step, where it is timed.

        Returns:
            The (B, O) outputs, the state and, where it is shown, the state as
            (B, n_shown) numbers.
        """
        outputs, after, shown = self.forward_sequence(
            features[None],
            state,
            resets=episode_starts[None] != 0,
            timespans=None if timespans is None else timespans.reshape(1, -1),
        )
        return outputs[0], after, None if shown is None else shown[0]

    def forward_sequence(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        *,
        resets: Tensor,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
        """Goes through sequences, from a state of each.

        Args:
            x: (T, B, F) inputs.
            state: before the first step, each tensor with the batch first.
            resets: (T, B), true where the state is the initial one before that step.
            timespans: (T, B) time since the last step, for a network that is timed.

        Returns:
            outputs: (T, B, O).
            state: after the last step.
            states: (T, B, n_shown) after each step, where they are shown, else None.

        Raises:
            TypeError: the network returns no pair of outputs and a state.
            ValueError: the network returns outputs or a state of another shape, or a
                state of other numbers.
        """
        options: dict[str, Any] = {"resets": resets}
        if timespans is not None:
            options["timespans"] = timespans
        if self.n_shown:
            options["return_states"] = True
        found = self.network.forward_sequence(x, self.as_given(state), **options)
        outputs, after, *shown = outputs_and_state(found, self.network)
        name = type(self.network).__name__
        size = (*x.shape[:2], self.out_features)
        if not _has_shape(outputs, size):
            raise ValueError(
                f"`forward_sequence` of {name} must return outputs of the shape (T, "
                f"batch, out_features) = {size}; got {_shape(outputs)}."
            )
        expected = [(x.shape[1], *shape) for shape in self.shapes]
        if not _have_shapes(parts(after), expected):
            got = [_shape(part) for part in parts(after)]
            raise ValueError(
                f"`forward_sequence` of {name} must return a state of the shapes "
                f"{expected}, as `initial_state` does; got {got}."
            )
        for part, dtype in zip(parts(after), self.dtypes, strict=True):
            # Autocasting makes floating point of another size.
            if part.dtype != dtype and not (
                part.is_floating_point() and dtype.is_floating_point
            ):
                raise ValueError(
                    f"`forward_sequence` of {name} must return a state of the dtypes "
                    f"{self.dtypes}, as `initial_state` does; got {part.dtype}."
                )
        states = self._shown(shown, x.shape[:2]) if self.n_shown else None
        return outputs, parts(after), states

    def _shown(self, given: list[Any], size: torch.Size) -> Tensor:
        """Returns the (T, B, n_shown) states after each step, of sizes (T, B)."""
        states = parts(given[0]) if len(given) == 1 else ()
        expected = [(*size, *shape) for shape in self.shapes]
        if not _have_shapes(states, expected):
            got = [_shape(part) for part in states]
            raise ValueError(
                f"`forward_sequence` of {type(self.network).__name__} must return as a "
                "third result, with `return_states`, the states after each step, of "
                f"the shapes {expected}; got {got}."
            )
        flat = [part.reshape(*size, -1).float() for part in states]
        return torch.cat(flat, dim=2)


def _have_shapes(values: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> bool:
    return len(values) == len(shapes) and all(map(_has_shape, values, shapes))


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, Tensor) and has_shape(value, shape)


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
