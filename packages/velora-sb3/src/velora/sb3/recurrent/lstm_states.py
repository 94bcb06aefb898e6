"""A network's state as the two tensors of an LSTM, which RecurrentPPO carries."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn.eager import is_recorded, is_traced
from velora.sb3.recurrent.exact_floats import from_floats, n_floats, to_floats
from velora.sb3.recurrent.recurrent_body import RecurrentBody


class PackedBody(RecurrentBody):
    """A recurrent network called as sb3-contrib calls an LSTM; see `RecurrentBody`.

    RecurrentPPO carries and stores the two tensors of an LSTM, each (layers, batch,
    hidden) of float32, and lays its sequences out as rows, one after another. A
    network's state is laid out flat and cut into two such tensors of one layer; what is
    no float32 goes through them bit for bit.

    Attributes:
        num_layers: 1, as RecurrentPPO asks.
        hidden_size: numbers in each of the two tensors. A policy raises it where
            another network has more.

    Raises:
        TypeError: as `RecurrentBody`, or the state has a dtype that NumPy lacks.
    """

    num_layers = 1

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        parts = zip(self.shapes, self.dtypes, strict=True)
        self.n_floats = [n_floats(*part) for part in parts]
        self.hidden_size = -(-sum(self.n_floats) // 2)
        state = self.initial_state(1)
        try:
            for part in self.unpack(self.pack(state)):
                part.detach().cpu().numpy()  # as which `predict` returns it
        except (TypeError, RuntimeError) as error:
            dtypes = [part.dtype for part in state]
            raise TypeError(
                f"`initial_state` of {type(self.network).__name__} must be of dtypes "
                "that NumPy has, for RecurrentPPO to carry it: floating point but "
                f"bfloat16, complex, integers, booleans; got {dtypes} ({error})."
            ) from error

    def pack(self, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Packs a state, each part batch first, into two (1, batch, hidden_size)."""
        parts = zip(state, self.dtypes, strict=True)
        flat = torch.cat([to_floats(part.to(dtype)) for part, dtype in parts], dim=1)
        room = 2 * self.hidden_size - flat.shape[1]
        first, second = nn.functional.pad(flat, (0, room)).chunk(2, dim=1)
        return first[None], second[None]

    def unpack(self, packed: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Gives the parts of a state, batch first, back from what `pack` made."""
        flat = torch.cat(packed, dim=2)[0]  # (B, 2 · hidden_size)
        flats = flat[:, : sum(self.n_floats)].split_with_sizes(self.n_floats, dim=1)
        parts = zip(flats, self.shapes, self.dtypes, strict=True)
        return tuple(from_floats(*part) for part in parts)

    def forward(
        self,
        features: Tensor,
        packed: tuple[Tensor, ...],
        episode_starts: Tensor,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
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
            ValueError: the network returns outputs or a state of another shape or kind
                of numbers, or `packed` is no packed state.
        """
        if not is_traced():
            self._check_packed(packed, features.shape[0])
        batch = packed[0].shape[1]
        if timespans is not None:
            timespans = _by_time(timespans.flatten(), batch)
        outputs, state, states = self.forward_sequence(
            _by_time(features, batch),
            self.unpack(packed),
            resets=_by_time(episode_starts, batch) != 0,
            timespans=timespans,
        )
        rows = None if states is None else _by_sequence(states)
        return _by_sequence(outputs), self.pack(state), rows

    def _check_packed(self, packed: Any, n_rows: int) -> None:
        shapes = _shapes(packed)
        batch = shapes[0][1] if len(shapes) == 2 and len(shapes[0]) == 3 else 0
        expected = [(1, batch, self.hidden_size)] * 2
        if shapes != expected or not batch or n_rows % batch:
            raise ValueError(
                "`lstm_states` of an actor, or of a critic, must be two tensors of "
                f"shape (1, n_sequences, {self.hidden_size}), for {n_rows} rows of "
                "observations, as a rollout buffer gives them; got "
                f"{shapes or type(packed).__name__}. {HOW_TO_PACK}"
            )


HOW_TO_PACK = (
    "What `predict` returns is the actor's state alone, not packed: turn its arrays "
    "into tensors and pass them to `policy.lstm_actor.pack`."
)


def _shapes(packed: Any) -> list[tuple[int, ...]]:
    given = packed if isinstance(packed, tuple | list) else ()
    return [tuple(part.shape) for part in given if isinstance(part, Tensor)]


def _by_time(rows: Tensor, batch: int) -> Tensor:
    """Turns (B·T, ...) rows into (T, B, ...)."""
    if not is_recorded() and rows.shape[0] == batch:
        return rows[None]  # an export could not see that the division below gives 1
    return rows.view(batch, -1, *rows.shape[1:]).transpose(0, 1)


def _by_sequence(steps: Tensor) -> Tensor:
    """Turns (T, B, N) back into (B·T, N) rows."""
    return steps.transpose(0, 1).flatten(0, 1)
