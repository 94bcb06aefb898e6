"""What a recurrence reads and leaves: packed weights, and the trail of its steps."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Weights(NamedTuple):
    """What a step multiplies with. L layers of U units are between state and heads.

    Attributes:
        first: (U, H) from the state to the first layer, or, where L is 0, (N·H, H) to
            the heads.
        deep: (L - 1, U, U) of the layers after it, or None where there are none.
        deep_bias: (L - 1, U), or None.
        heads: (N·H, U) from the last layer to the heads, or None where L is 0.
        heads_bias: (N·H,), or None.
        vectors: (V, H) what the mode has beside its heads, or None.
    """

    first: Tensor
    deep: Tensor | None
    deep_bias: Tensor | None
    heads: Tensor | None
    heads_bias: Tensor | None
    vectors: Tensor | None

    @property
    def n_layers(self) -> int:
        """Layers L between state and heads."""
        if self.heads is None:
            return 0
        return 1 if self.deep is None else 1 + len(self.deep)


class Trail(NamedTuple):
    """What a forward leaves for the backward: where each step has been.

    What it is before the forward is said by the table of backends.

    Attributes:
        heads: (T, B, N·H) what the mode's `slopes` take.
        layers: (L, T, B, U) the tanh of each layer.
        before: (T, B, H) the state that the cell starts from.
        raw: (T, B, 2·H) state and memory before each step, after its reset; `before`
            itself where there is no memory.
        gates: (T, B, 4·H) tanh(a) and the open gates i, f and o, or None.
    """

    heads: Tensor
    layers: Tensor
    before: Tensor
    raw: Tensor
    gates: Tensor | None
