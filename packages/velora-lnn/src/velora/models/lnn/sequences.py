"""Networks that go through sequences: what is checked, and in which form it comes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from velora.models.lnn.eager import is_exported, unbatched
from velora.models.lnn.frozen import FrozenNetwork
from velora.models.lnn.shapes import (
    check_batch,
    check_sequence,
    check_state,
    sequence_resets,
    sequence_timespans,
)
from velora.models.protocol import Timespans


class SequenceNetwork(nn.Module, ABC):
    """A recurrent network whose (B, H) state goes in and comes out.

    It is a `velora.models.protocol.RecurrentNetwork[Tensor]`. A subclass says what a
    step is in `step`, and how a sequence goes in `over_time`.

    Attributes:
        in_features: size F of an input.
    """

    in_features: int

    @property
    @abstractmethod
    def hidden_size(self) -> int:
        """Size H of the state."""

    @abstractmethod
    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""

    def forward(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            h_state: (B, H) state; None starts from zero.
            timespans: time since the last step: a number, (B,) or (B, 1); 1 where
                none are given.

        Returns:
            y: (B, O) outputs; (O,) when B is 1, but not in what `torch.export` makes.
            h_state: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        if h_state is None:
            h_state = self.initial_state(x.shape[0])
        y, h_state = self.step(x, h_state, timespans)
        return unbatched(y), h_state

    @abstractmethod
    def step(
        self, x: Tensor, hidden: Tensor, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Goes one step, with x that is checked; arguments are as in `forward`.

        Returns:
            y: (B, O) outputs.
            hidden: (B, H) state.

        Raises:
            ValueError: the state or the times have another shape.
        """

    @abstractmethod
    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence whose arguments are checked.

        Arguments are as in `RecurrentCell.over_time`, x of (T, B, F) sensory inputs.

        Returns:
            y: (T, B, O) outputs.
            states: (T, B, H) states after each step.
        """

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[False] = False,
        batch_first: bool = False,
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[True],
        batch_first: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]: ...

    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: bool = False,
        batch_first: bool = False,
    ) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]:
        """Goes through a (T, B, F) sequence, or (B, T, F) with `batch_first`.

        The numbers are those of its single steps.

        Args:
            x: (T, B, F) inputs. Time is first: inputs of (B, T, F) cannot be told from
                them, and are other steps of other environments.
            h_state: (B, H) state before the first step; None starts from zero.
            resets: (T, B), true where the state is zero *before* that step, as
                where an episode starts.
            timespans: time since the last step: a number, (T,), (T, B) or (T, B, 1);
                1 where none are given.
            return_states: whether the states after each step are returned as well.
            batch_first: whether the batch is the first dimension, and time the second,
                of x, resets, timespans of (B, T) or (B, T, 1), y and states.

        Returns:
            y: (T, B, O) outputs.
            h_state: (B, H) state after the last step.
            states: (T, B, H) states after each step, with `return_states`.

        Raises:
            TypeError: an argument is no tensor.
            ValueError: an argument has another shape; nothing is broadcast.
        """
        check_sequence(x, self.in_features)
        if batch_first:
            x, resets, timespans = map(_transposed, (x, resets, timespans))
        steps, batch, _ = x.shape
        hidden = self.initial_state(batch) if h_state is None else h_state
        check_state(hidden, batch, self.hidden_size)
        if is_exported():
            # Whether a transposed batch is contiguous depends on its size, and would
            # be recorded.
            x, resets, timespans = map(_laid_out, (x, resets, timespans))
        y, states = self.over_time(
            x,
            hidden,
            resets=sequence_resets(resets, steps, batch),
            timespans=sequence_timespans(timespans, steps, batch),
        )
        last = states[-1]
        if batch_first:
            y, states = y.transpose(0, 1), states.transpose(0, 1)
        return (y, last, states) if return_states else (y, last)

    def steps_of(
        self, x: Tensor, timespans: Timespans = None
    ) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
        """Returns a function that goes one step of a sequence, from any state.

        For whoever changes the state between steps. Arguments are as in `over_time`.
        The function takes the number of the step and the (B, H) state before it, and
        returns the (B, O) output and the state after it. A subclass that can compute
        beforehand what does not depend on the state overrides this.
        """
        varying = isinstance(timespans, Tensor) and timespans.dim() > 0

        def step(i: int, hidden: Tensor) -> tuple[Tensor, Tensor]:
            t: Any = timespans
            y, states = self.over_time(
                x[i : i + 1], hidden, timespans=t[i : i + 1] if varying else t
            )
            return y[0], states[0]

        return step

    def frozen_step(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """Returns the step as a function of the weights of now, without gradients.

        The function takes and returns what `forward` does. What is done to the network
        later does not reach it.
        """
        return FrozenNetwork(self)


def _transposed(value: Any) -> Any:
    """Gives a batch-first tensor as time first; what has no batch stays as it is."""
    has_batch = isinstance(value, Tensor) and value.dim() > 1
    return value.transpose(0, 1) if has_batch else value


def _laid_out(value: Any) -> Any:
    """Copies a tensor to where its last dimension is densest; the rest stays."""
    is_tensor = isinstance(value, Tensor)
    return value.clone(memory_format=torch.contiguous_format) if is_tensor else value
