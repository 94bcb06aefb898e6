"""What a policy with memory goes through: observations in time, from a state."""

from __future__ import annotations

from typing import NamedTuple

from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

State = tuple[Tensor, ...]
"""Of one network: tensors, each with the batch first."""


class States(NamedTuple):
    """The states of an actor and a critic; of a critic that has none, ()."""

    pi: State
    vf: State


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
        if isinstance(self.observations, dict):
            return {key: part.flatten(0, 1) for key, part in self.observations.items()}
        return self.observations.flatten(0, 1)


def of_one_step(
    observations: PyTorchObs,
    states: States,
    starts: Tensor,
    masks: Tensor | None = None,
) -> Sequences:
    """Returns sequences of a single step: each argument without its time axis."""
    obs = (
        {key: part[None] for key, part in observations.items()}
        if isinstance(observations, dict)
        else observations[None]
    )
    return Sequences(obs, states, starts[None], None if masks is None else masks[None])
