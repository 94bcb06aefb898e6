"""Spaces of actions: their motor neurons, and the distribution that these are of."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces
from ray.rllib.core.distribution.torch.torch_distribution import (
    TorchCategorical,
    TorchDiagGaussian,
    TorchMultiCategorical,
)


def n_motors(space: Space[Any]) -> int:
    """Returns how many motor neurons actions have: a logit a choice, or a mean each.

    Raises:
        ValueError: RLlib samples no such actions.
    """
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete) and _is_plain(space):
        return int(space.nvec.sum())
    if isinstance(space, spaces.Box) and len(space.shape) == 1 and _is_real(space):
        return int(space.shape[0])
    raise ValueError(
        "the action space must be Discrete or MultiDiscrete, whose choices start at 0 "
        "and are in one row, or a Box of one row of floating-point numbers; got "
        f"{space}. Wrap the environment so that it is."
    )


def distribution_of(space: Space[Any]) -> Any:
    """Returns RLlib's distribution over a space's actions, a class."""
    if isinstance(space, spaces.Box):
        return TorchDiagGaussian
    if isinstance(space, spaces.Discrete):
        return TorchCategorical
    sizes = [int(n) for n in space.nvec]  # type: ignore[attr-defined]  # a MultiDiscrete
    return TorchMultiCategorical.get_partial_dist_cls(space=space, input_lens=sizes)


def _is_plain(space: spaces.MultiDiscrete) -> bool:
    return space.nvec.ndim == 1 and not np.any(space.start)


def _is_real(space: spaces.Box) -> bool:
    return np.issubdtype(space.dtype, np.floating)
