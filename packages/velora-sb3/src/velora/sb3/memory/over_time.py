"""A network of a policy, over sequences of what is observed."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

from velora.sb3.memory.sequences import State, each
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.timespans import timespans_of


def features_over_time(
    model: Any, obs: PyTorchObs, starts: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Returns the (T, B, F) features of observations, and their (T, B) timespans.

    Args:
        model: a part of a policy, with its features extractor and `timespan_key`.
        obs: (T, B, ...) observations, or a dict of such.
        starts: (T, B), of which the sizes count.
    """
    rows: Any = each(lambda part: part.flatten(0, 1), obs)
    features: Tensor = model.extract_features(rows, model.features_extractor)
    times = timespans_of(rows, model.timespan_key)
    return (
        features.view(*starts.shape, -1),
        None if times is None else times.view(starts.shape),
    )


def over_time(
    model: Any, body: RecurrentBody, obs: PyTorchObs, starts: Tensor, state: State
) -> tuple[Tensor, State]:
    """Goes through sequences with a network.

    Args:
        model: as in `features_over_time`.
        body: the network.
        obs: as in `features_over_time`.
        starts: (T, B) booleans, true where an episode starts.
        state: before the first step.

    Returns:
        (T, B, O) outputs, and the state after the last step.
    """
    features, times = features_over_time(model, obs, starts)
    outputs, after, _ = body.forward_sequence(
        features, state, resets=starts, timespans=times
    )
    return outputs, after
