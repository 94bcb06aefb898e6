"""What a policy with memory goes through: observations in time, from a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

State = tuple[Tensor, ...]
"""Of one network: tensors, each with the batch first."""


class States(NamedTuple):
    """The states of an actor and a critic; of a critic that has none, ()."""

    pi: State
    vf: State


def each(function: Callable[..., Any], part: Any, *others: Any) -> Any:
    """Calls a function with arguments, or with the entries of dicts, key by key."""
    if isinstance(part, dict):
        return {k: function(part[k], *(other[k] for other in others)) for k in part}
    return function(part, *others)


class Sequences(NamedTuple):
    """B sequences of T steps, time first.

    Attributes:
        observations: (T, B, ...), or a dict of such.
        states: before the first steps, (B, ...) each.
        starts: (T, B) booleans, true where an episode starts: the state is the initial
            one before that step.
        masks: (T, B, A) booleans, false where a choice is invalid; None where nothing
            is masked from outside the observations.
    """

    observations: PyTorchObs
    states: States
    starts: Tensor
    masks: Tensor | None = None

    def rows(self) -> PyTorchObs:
        """Returns the observations as (T·B, ...), step by step."""
        rows: PyTorchObs = each(lambda part: part.flatten(0, 1), self.observations)
        return rows


def of_one_step(
    observations: PyTorchObs,
    states: States,
    starts: Tensor,
    masks: Tensor | None = None,
) -> Sequences:
    """Returns sequences of a single step: each argument without its time axis."""
    obs = each(lambda part: part[None], observations)
    return Sequences(obs, states, starts[None], None if masks is None else masks[None])
