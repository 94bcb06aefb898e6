"""Irregular time: the entry of an observation with the time since the last step."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor


def check_timespan_key(space: spaces.Space[Any], key: str | None) -> None:
    """Refuses a `timespan_key` that names no time in the observations.

    Raises:
        ValueError: it names no Box of one number, or there is nothing beside it.
    """
    if key is None:
        return
    entries = space.spaces if isinstance(space, spaces.Dict) else {}
    time = entries.get(key) if isinstance(key, str) else None
    if not isinstance(time, spaces.Box) or time.shape not in ((), (1,)):
        raise ValueError(
            "`timespan_key` must name a Box of one number in a Dict observation space, "
            f"the time since the last step; got {key!r} for {space}."
        )
    if len(entries) == 1:
        raise ValueError(
            f"The observations must have an entry beside `timespan_key` {key!r}; got "
            f"{space}."
        )


def without_timespans(space: spaces.Space[Any], key: str | None) -> spaces.Space[Any]:
    """Returns the space of all that is observed but the timespans."""
    if key is None or not isinstance(space, spaces.Dict):
        return space
    return spaces.Dict({name: part for name, part in space.items() if name != key})


def timespans_of(obs: PyTorchObs, key: str | None) -> Tensor | None:
    """Returns the (B·T,) or (B·T, 1) timespans of observations, if they have any."""
    if key is None or isinstance(obs, Tensor):
        return None
    return obs[key].float()
