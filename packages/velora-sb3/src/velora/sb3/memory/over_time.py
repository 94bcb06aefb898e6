"""A network of a policy, over sequences of what is observed."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

from velora.sb3.memory.replayed import each
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.timespans import timespans_of


def over_time(
    model: Any,
    body: RecurrentBody,
    obs: PyTorchObs,
    starts: Tensor,
    state: State,
    *beside: Tensor,
) -> tuple[Tensor, State]:
    """Goes through sequences with a network.

    Args:
        model: a part of a policy, with its features extractor and `timespan_key`.
        body: the network.
        obs: (T, B, ...) observations, or a dict of such.
        starts: (T, B) booleans, true where an episode starts.
        state: before the first step.
        *beside: (T, B, ...) further inputs.

    Returns:
        (T, B, O) outputs, and the state after the last step.
    """
    rows: Any = each(lambda part: part.flatten(0, 1), obs)
    features = model.extract_features(rows, model.features_extractor)
    inputs = features.view(*starts.shape, -1)
    times = timespans_of(rows, model.timespan_key)
    outputs, after, _ = body.forward_sequence(
        torch.cat((inputs, *beside), dim=2) if beside else inputs,
        state,
        resets=starts,
        timespans=None if times is None else times.view(starts.shape),
    )
    return outputs, after
