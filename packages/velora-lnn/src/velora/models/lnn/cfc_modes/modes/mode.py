"""What a mode is: the last part of a step, neuron by neuron."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor


class Mode(ABC):
    """What a step makes of the numbers of its heads, each neuron by itself.

    Heads are packed: N blocks of H numbers. `times` are (..., 1), None where each is 1
    or where `merged` has put it into the heads. `vectors` are those (V, H) that the
    mode learns beside its heads, None where V is 0.

    Attributes:
        name: what users call it.
        n_heads: N where each step has a time of its own.
        n_masked: heads, the first ones, that obey a mask.
        n_vectors: V.
    """

    name: ClassVar[str]
    n_heads: ClassVar[int]
    n_masked: ClassVar[int]
    n_vectors: ClassVar[int]

    @abstractmethod
    def merged(self, heads: Tensor, time: float | Tensor) -> Tensor | None:
        """Puts a time that is the same in all steps into weights or biases of heads.

        Args:
            heads: (N, H, ...), of which fewer may be left.
            time: a number or () tensor.

        Returns:
            The heads, or None where this is not possible.
        """

    @abstractmethod
    def step(
        self, heads: Tensor, times: float | Tensor | None, vectors: Tensor | None
    ) -> Tensor:
        """Returns the (B, H) state that (B, N·H) heads make, as the equations read.

        Times may be one number for all rows as well.
        """

    @abstractmethod
    def stepper(
        self,
        heads: Tensor,
        times: Tensor | None,
        vectors: Tensor | None,
        states: Tensor,
    ) -> Callable[[int], Tensor]:
        """Returns a function that computes one of T steps in place, by its number.

        It overwrites that step's (T, B, N·H) heads with what `slopes` takes, fills and
        returns that step's (T, B, H) states.
        """

    @abstractmethod
    def slopes(
        self, heads: Tensor, times: Tensor | None, vectors: Tensor | None
    ) -> Tensor:
        """Returns the (T, B, N, H) derivatives of states by heads, of all steps."""

    @abstractmethod
    def gradients(
        self,
        grad_states: Tensor,
        grad_heads: Tensor,
        heads: Tensor,
        times: Tensor | None,
        vectors: Tensor | None,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the gradients of times and of vectors.

        Args:
            grad_states: (T, B, H), whole, with what comes from later steps.
            grad_heads: (T, B, N·H).
            heads: (T, B, N·H), as a stepper left them.
            times: (T, B, 1), or None.
            vectors: (V, H), or None.
        """
