"""What `scan` and `fused` ask of a recurrence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor

from velora.models.lnn.backend import Backend


class Table(Protocol):
    """The `backends` of a recurrence.

    `forward(heads, weight, before, resets, times)` returns the (T, B, H) states, and
    what else its backward needs, or None. `backward(grad_y, grad_states, weight, heads,
    before, resets, times, kept)` returns the gradients of the heads, (T, B, N·H), of
    the first state, (B, H), and of the times, (T, B, 1) or None. An argument means the
    same in all of them. `heads` are (T, B, N·H), contiguous: what the inputs give to
    them, which forward overwrites with what the recurrence says, and the last block
    with y. `weight` is (N·H, H), best as `lay_out` returns it. `before` is (T, B, W),
    contiguous, and its last H columns are the states before each step, after its reset;
    those of the first step are given, forward fills the others. `resets` are (T, B)
    booleans and `times` (T, B, 1), or None. `grad_y` and `grad_states` are (T, B, H),
    the latter of the states from outside the recurrence, or one is None.
    """

    SHORT: int
    """Steps that preparations do not pay for in plain operators."""

    def choose(self, tensor: Tensor, work: int) -> Backend | None:
        """Returns the backend that a sequence takes; None for its steps one by one."""


class Recurrence(NamedTuple):
    """A recurrence over packed heads.

    Attributes:
        unrolled: `(inputs, weight, state, resets, times)` to the (T, B, H) outputs and
            states, in plain operators: its equations. Arguments are those of
            `velora.models.lnn.headed.scan.over_time`.
        backends: its table.
    """

    unrolled: Callable[..., tuple[Tensor, Tensor]]
    backends: Table
