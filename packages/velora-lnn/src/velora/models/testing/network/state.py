"""What the kit does with states; `velora.models.protocol` says what one is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from velora.models.protocol import State, parts


def mapped(state: State | None, change: Callable[[Tensor], Tensor]) -> State | None:
    """Returns a state each part of which was changed."""
    if state is None or isinstance(state, Tensor):
        return None if state is None else change(state)
    return tuple(map(change, state))


def copied(state: State | None) -> State | None:
    """Returns a copy of a state, through which gradients flow."""
    return mapped(state, torch.clone)


def leaf(state: State | None) -> State | None:
    """Returns a copy of a state to whose floating parts gradients can be asked for."""

    def one(part: Tensor) -> Tensor:
        return part.detach().clone().requires_grad_(part.is_floating_point())

    return mapped(state, one)


def name_parts(name: str, state: State | None) -> dict[str, Tensor]:
    """Returns the parts of a state, by a name that counts them where it is a tuple."""
    if isinstance(state, Tensor):
        return {name: state}
    return {f"{name} (part {i})": part for i, part in enumerate(parts(state))}
