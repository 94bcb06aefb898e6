"""A rollout, time first, and minibatches of chunks of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import DictRolloutBuffer, RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import Tensor

from velora.sb3.memory.sequences import Sequences, State, States, each


class SequenceRollout(RolloutBuffer):
    """A rollout whose minibatches are chunks of `sequence_length` steps in a row.

    A chunk starts from the states that the rollout's weights had there. Episodes that
    start within it do so where `episode_starts` says; nothing is padded.

    Attributes:
        sequence_length: steps of a chunk; a divisor of those of the rollout. It and
            `n_choices` are set before the first `reset`.
        n_choices: booleans of a mask; 0 where nothing is masked from outside.
        masks: (T, n_envs, n_choices) booleans.
        chunk_states: before the first step of each chunk; who goes through the rollout
            appends them.
    """

    sequence_length: int
    n_choices: int = 0
    masks: np.ndarray
    chunk_states: list[States]
    _columns: dict[str, Any] | None  # once they are asked for

    def reset(self) -> None:
        """Empties the rollout."""
        super().reset()
        sizes = self.buffer_size, self.n_envs, self.n_choices
        self.masks = np.ones(sizes, dtype=bool)
        self.chunk_states = []
        self._columns = None

    def between(self, start: int, stop: int, states: States) -> Sequences:
        """Returns the steps from one to before another, of all environments."""
        starts = self.episode_starts[start:stop] != 0
        return Sequences(
            self._tensors(_of(self.observations, slice(start, stop))),
            states,
            self.to_torch(starts),
            self.to_torch(self.masks[start:stop]) if self.n_choices else None,
        )

    def get(  # type: ignore[override]  # observations are sequences of them
        self, batch_size: int | None = None
    ) -> Iterator[RolloutBufferSamples]:
        """Yields minibatches in a random order.

        Args:
            batch_size: steps of all chunks in one; the last one may have fewer. None is
                all of the rollout.

        Yields:
            Samples of Stable-Baselines3's, step by step, whose observations are
            `Sequences`.
        """
        n_columns = self.buffer_size * self.n_envs // self.sequence_length
        width = batch_size // self.sequence_length if batch_size else n_columns
        if self._columns is None:
            self._columns = self._in_columns()
        columns = self._columns
        if width >= n_columns:
            yield _samples(columns)
            return
        order = torch.from_numpy(np.random.permutation(n_columns)).to(self.device)
        for chosen in torch.split(order, width):
            yield _samples(_select(columns, chosen))

    def _in_columns(self) -> dict[str, Any]:
        """Returns the rollout in columns: (sequence_length, chunks · n_envs, ...)."""
        whole = {
            "observations": self._tensors(self.observations),
            "starts": self.to_torch(self.episode_starts != 0),
            "actions": self.to_torch(self.actions.astype(np.float32, copy=False)),
            "values": self.to_torch(self.values),
            "log_probs": self.to_torch(self.log_probs),
            "advantages": self.to_torch(self.advantages),
            "returns": self.to_torch(self.returns),
        }
        if self.n_choices:
            whole["masks"] = self.to_torch(self.masks)
        columns = {name: each(self._column, part) for name, part in whole.items()}
        pi, vf = zip(*self.chunk_states, strict=True)
        return columns | {"pi": _beside(pi), "vf": _beside(vf)}

    def _column(self, part: Tensor) -> Tensor:
        """Turns (T, n_envs, ...) into (sequence_length, chunks · n_envs, ...)."""
        chunks = part.view(-1, self.sequence_length, *part.shape[1:])
        return chunks.transpose(0, 1).flatten(1, 2)

    def _tensors(self, arrays: Any) -> Any:
        return each(self.to_torch, arrays)


class DictSequenceRollout(SequenceRollout, DictRolloutBuffer):  # type: ignore[misc]  # `get`, as above
    """A `SequenceRollout` of dict observations."""


def _of(observations: Any, steps: slice) -> Any:
    return each(lambda part: part[steps], observations)


def _beside(states: tuple[State, ...]) -> State:
    """Puts the states of chunks beside each other."""
    return tuple(torch.cat(part) for part in zip(*states, strict=True))


def _select(columns: dict[str, Any], chosen: Tensor) -> dict[str, Any]:
    """Returns some of the columns: states have theirs first, all else second."""

    def select(part: Tensor) -> Tensor:
        return part.index_select(1, chosen)

    found = {
        name: each(select, part)
        for name, part in columns.items()
        if name not in States._fields
    }
    return found | {
        name: tuple(part.index_select(0, chosen) for part in columns[name])
        for name in States._fields
    }


def _samples(columns: dict[str, Any]) -> RolloutBufferSamples:
    sequences = Sequences(
        columns["observations"],
        States(columns["pi"], columns["vf"]),
        columns["starts"],
        columns.get("masks"),
    )
    flat = [
        columns[name].flatten(0, 1)
        for name in ("actions", "values", "log_probs", "advantages", "returns")
    ]
    return RolloutBufferSamples(sequences, *flat)  # type: ignore[arg-type]  # PPO passes them on
