"""Observations of any space that is of a fixed size, as flat numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from torch import Tensor
from torch.nn.functional import one_hot


def n_features(space: Space[Any]) -> int:
    """Returns how many numbers an observation is.

    Raises:
        ValueError: the space, or one in it, has no fixed size.
    """
    if not space.is_np_flattenable or _has_text(space):
        raise ValueError(
            "the observation space must be of a fixed size, so that it can be "
            "flattened: Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple "
            f"of such; got {space}. Make it one with a connector: "
            "`config.env_runners(env_to_module_connector=...)`."
        )
    return spaces.flatdim(space)


def flat(space: Space[Any], value: Any) -> Tensor:
    """Returns observations as `gymnasium.spaces.flatten` does, a batch at once.

    Args:
        space: of one observation.
        value: (..., *shape) tensors of the space's structure.

    Returns:
        (..., F) numbers; one-hot where they choose.
    """
    if isinstance(space, spaces.Dict):
        parts = [flat(part, value[name]) for name, part in space.spaces.items()]
        return torch.cat(parts, dim=-1)
    if isinstance(space, spaces.Tuple):
        parts = [flat(part, its) for part, its in zip(space.spaces, value, strict=True)]
        return torch.cat(parts, dim=-1)
    if isinstance(space, spaces.Discrete):
        return _chosen(value - int(space.start), int(space.n))
    shape = space.shape or ()
    rows = value.reshape(*value.shape[: value.dim() - len(shape)], -1)
    if not isinstance(space, spaces.MultiDiscrete):
        numbers: Tensor = rows.float()
        return numbers
    rows = rows - torch.as_tensor(np.ravel(space.start), device=rows.device)
    columns = zip(rows.unbind(-1), np.ravel(space.nvec), strict=True)
    return torch.cat([_chosen(column, int(n)) for column, n in columns], dim=-1)


def _chosen(value: Tensor, n: int) -> Tensor:
    """Returns choices as (..., n) one-hot; padding may be none of them."""
    return one_hot(value.long().clamp(0, n - 1), n).float()


def _has_text(space: Space[Any]) -> bool:
    """Whether letters are in it, which RLlib makes no tensor of."""
    if isinstance(space, spaces.Dict):
        return any(map(_has_text, space.spaces.values()))
    if isinstance(space, spaces.Tuple):
        return any(map(_has_text, space.spaces))
    return isinstance(space, spaces.Text)
