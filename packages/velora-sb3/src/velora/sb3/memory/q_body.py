"""A memory, and dense layers that value actions by it."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import Tensor, nn

from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.recurrent.recurrent_body import RecurrentBody

_REMEMBERED = 64  # numbers that a memory tells its head


class QBody(nn.Module):
    """A memory of what was before, and dense layers that read it beside what is now.

    Args:
        choice: which network remembers.
        n_inputs: size I of what goes into the memory, and of what the layers see
            beside its outputs.
        n_values: values O.
        head: sizes of the layers; without any, the motor neurons are the values.
        timed: whether the memory gets timespans.
    """

    def __init__(
        self,
        choice: NetworkChoice,
        n_inputs: int,
        n_values: int,
        head: Sequence[int],
        *,
        timed: bool,
    ) -> None:
        super().__init__()
        n_motor = _REMEMBERED if head else n_values
        self.memory = RecurrentBody(
            choice.entry, n_inputs, n_motor, choice.options("qf"), timed=timed
        )
        self.head: nn.Module | None = None
        if head:
            layers = create_mlp(n_motor + n_inputs, n_values, list(head), nn.ReLU)
            self.head = nn.Sequential(*layers)

    def values(self, remembered: Tensor, now: Tensor) -> Tensor:
        """Returns the (..., O) values.

        Args:
            remembered: (..., M) outputs of the memory.
            now: (..., I) what the layers see beside them.
        """
        if self.head is None:
            return remembered
        values: Tensor = self.head(torch.cat((remembered, now), dim=-1))
        return values


def check_head(head: Any, least: int = 0) -> tuple[int, ...]:
    """Returns the sizes of dense layers.

    Raises:
        ValueError: they are no whole numbers of 1 or more, or too few.
    """
    if (
        not isinstance(head, Sequence)
        or len(head) < least
        or not all(map(_is_size, head))
    ):
        some = "a layer or more" if least else "some layers, or none"
        raise ValueError(
            f"`head` must be the sizes of {some}, whole numbers of 1 or more, as "
            f"(128, 128); got {head!r}."
        )
    return tuple(head)


def _is_size(value: Any) -> bool:
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return is_whole and int(value) >= 1
