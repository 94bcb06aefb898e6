"""Invalid actions: which are, who says so, and how they lose all probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

METHOD = "action_masks"  # which environments for sb3-contrib's MaskablePPO have


def choices(space: spaces.Space[Any]) -> list[int]:
    """Returns how many values each part of an action has; of a Box none are counted.

    A mask is of as many booleans as these sum up to, part after part: of a MultiBinary
    two for each bit, whether it may be 0 and whether it may be 1.
    """
    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        return [int(n) for n in space.nvec]
    if isinstance(space, spaces.MultiBinary):
        return [2] * math.prod(space.shape)
    return []


def offers_masks(env: VecEnv, space: spaces.Space[Any]) -> bool:
    """Whether environments say which actions are valid, and actions can be counted."""
    return bool(choices(space)) and env.has_attr(METHOD)


def check_offers_masks(env: VecEnv) -> None:
    """Refuses environments that do not say which actions are valid: ValueError."""
    if not env.has_attr(METHOD):
        raise ValueError(
            "The environment must have `action_masks()`, as that which the agent was "
            f"made for; {env} has not."
        )


def masks_of(env: VecEnv) -> np.ndarray:
    """Asks environments which choices are valid now: (n_envs, A) booleans."""
    return np.stack(env.env_method(METHOD)).reshape(env.num_envs, -1)


def check_masking(
    observations: spaces.Space[Any],
    actions: spaces.Space[Any],
    key: str | None,
    masked: bool,
) -> None:
    """Refuses a `mask_key` that names no mask, and masks of what is not counted.

    Raises:
        ValueError: it names no MultiBinary or Box of as many numbers as there are
            choices, there is nothing beside it, or actions are a Box.
    """
    if key is None and not masked:
        return
    n_choices = sum(choices(actions))
    if not n_choices:
        raise ValueError(
            f"Masks are for actions that can be counted; got {actions}. Leave out "
            "`mask_key` and `masked`."
        )
    if key is None:
        return
    entries = observations.spaces if isinstance(observations, spaces.Dict) else {}
    mask = entries.get(key)
    if (
        not isinstance(mask, spaces.MultiBinary | spaces.Box)
        or mask.shape != (n_choices,)
        or len(entries) == 1
    ):
        raise ValueError(
            f"`mask_key` must name a MultiBinary({n_choices}) beside other entries of "
            "a Dict observation space, true where a choice is valid; got "
            f"{key!r} for {observations}."
        )


def as_masks(
    masks: Any, space: spaces.Space[Any], n_envs: int, device: torch.device
) -> Tensor:
    """Returns masks as (n_envs, A) booleans.

    Raises:
        ValueError: they have another shape, hold something else than 0 and 1, or leave
            no choice.
    """
    found = torch.as_tensor(masks, device=device)
    parts = choices(space)
    if found.dim() == 1:
        found = found[None]
    if not parts or found.shape != (n_envs, sum(parts)):
        raise ValueError(
            f"`action_masks` must have shape (n_envs, choices) = ({n_envs}, "
            f"{sum(parts)}) for {space}; got {tuple(found.shape)}."
        )
    if found.dtype != torch.bool:
        if not ((found == 0) | (found == 1)).all():
            raise ValueError(
                "Masks must hold 0 and 1; got other numbers. Keep them out of "
                "VecNormalize (`norm_obs_keys`)."
            )
        found = found != 0
    if not all(part.any(dim=1).all() for part in found.split_with_sizes(parts, dim=1)):
        raise ValueError(
            "Masks must leave a valid choice in each part of an action; got "
            f"{found.int().tolist()}."
        )
    return found


def masked(logits: Tensor, masks: Tensor, space: spaces.Space[Any]) -> Tensor:
    """Returns (N, O) logits by which no invalid choice has any probability.

    Args:
        logits: of each choice, or of each bit being 1.
        masks: (N, A) booleans, false where a choice is invalid.
        space: of the actions.
    """
    lowest = torch.finfo(logits.dtype).min
    if isinstance(space, spaces.MultiBinary):
        may_be_0, may_be_1 = masks[:, ::2], masks[:, 1::2]
        logits = logits.masked_fill(~may_be_0, -lowest)
        return logits.masked_fill(~may_be_1, lowest)
    return logits.masked_fill(~masks, lowest)
