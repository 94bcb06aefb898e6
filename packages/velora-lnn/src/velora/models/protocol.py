"""What a network is to whoever calls it: the types, and the questions about them.

Policies, the kit (`velora.models.testing`) and the networks here speak of networks in
these words. What a registered network *must* offer is checked by the kit, and by a
policy when it builds one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Literal, Protocol, TypeVar, overload

from torch import Tensor

State = Tensor | tuple[Tensor, ...]
"""What a recurrent network remembers: tensors, each with the batch in dimension 0."""

Timespans = float | Tensor | None
"""Time since the last step: a number or a tensor; None for 1."""

S = TypeVar("S", bound=State)


class Network(Protocol):
    """A network without a state: (B, F) inputs to (B, O) outputs.

    Of a single row it may return (O,).
    """

    def __call__(self, x: Tensor, /) -> Tensor:
        """Computes (B, O) outputs of (B, F) inputs."""


class RecurrentNetwork(Protocol[S]):
    """A network with a state of the type S, which goes in and comes out.

    A network may leave out the keyword arguments that it has no use for, and an
    algorithm that needs one asks `takes`: RecurrentPPO needs `resets`, irregular time
    `timespans`, and gSDE by what is remembered `return_states`. It may offer
    `frozen_step()`, a function of the weights of now that goes one step.
    """

    def initial_state(self, batch_size: int) -> S:
        """Returns the state before a first step, the batch in dimension 0."""

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        state: S | None = None,
        /,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[False] = False,
    ) -> tuple[Tensor, S]: ...

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        state: S | None = None,
        /,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[True],
    ) -> tuple[Tensor, S, S]: ...

    def forward_sequence(
        self,
        x: Tensor,
        state: S | None = None,
        /,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: bool = False,
    ) -> tuple[Tensor, S] | tuple[Tensor, S, S]:
        """Goes through a sequence: the same numbers as its single steps.

        Args:
            x: (T, B, F) inputs.
            state: before the first step; None is the initial state.
            resets: (T, B), true where the state is the initial one *before* that step.
            timespans: a number, (T,), (T, B) or (T, B, 1); 1 where none are given.
            return_states: whether the states after each step are returned as well.

        Returns:
            y: (T, B, O) outputs.
            state: after the last step.
            states: after each step, (T, B, ...) each, with `return_states`.

        Raises:
            ValueError: an argument has another shape; nothing is broadcast.
        """


def parts(state: State | None) -> tuple[Tensor, ...]:
    """Returns the tensors of a state; none where there is no state."""
    if state is None:
        return ()
    return state if isinstance(state, tuple) else (state,)


def takes(function: Callable[..., object], argument: str) -> bool:
    """Whether a function, such as a `forward_sequence`, names an argument."""
    return argument in inspect.signature(function).parameters
