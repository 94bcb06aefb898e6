"""States: a tensor or a tuple of tensors, each with the batch in dimension 0."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

State = Tensor | tuple[Tensor, ...] | None


def parts(state: State) -> tuple[Tensor, ...]:
    """Returns the tensors of a state, none where there is no state."""
    if state is None:
        return ()
    return state if isinstance(state, tuple) else (state,)


def mapped(state: State, change: Callable[[Tensor], Tensor]) -> State:
    """Returns a state each part of which was changed."""
    if state is None or isinstance(state, Tensor):
        return None if state is None else change(state)
    return tuple(map(change, state))


def copied(state: State) -> State:
    """Returns a copy of a state, through which gradients flow."""
    return mapped(state, torch.clone)


def leaf(state: State) -> State:
    """Returns a copy of a state to whose floating parts gradients can be asked for."""

    def one(part: Tensor) -> Tensor:
        return part.detach().clone().requires_grad_(part.is_floating_point())

    return mapped(state, one)


def name_parts(name: str, state: State) -> dict[str, Tensor]:
    """Returns the parts of a state, by a name that counts them where it is a tuple."""
    if isinstance(state, Tensor):
        return {name: state}
    return {f"{name} (part {i})": part for i, part in enumerate(parts(state))}
