"""Masks of actions, as they are given or observed: what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from velora.onnx.description import Masks


def given_masks(masks: Masks | None, given: Any, n_envs: int) -> np.ndarray | None:
    """Returns masks as a file takes them, or None where it takes none.

    Args:
        masks: what the file says of them.
        given: (n_envs, choices), false where a choice is invalid, or None.
        n_envs: the number of environments.

    Raises:
        TypeError: there are masks, and none are taken.
        ValueError: there are none though they are needed, or they have another shape,
            hold something else than 0 and 1, or leave no choice.
    """
    if masks is None or masks.key is not None:
        if given is None:
            return None
        where = "" if masks is None else f", which are observed as {masks.key!r}"
        raise TypeError(f"`action_masks` must be left out here{where}; got some.")
    if given is None:
        if masks.is_needed:
            raise ValueError(
                "The agent was trained with masks, and needs `action_masks` of the "
                "observation to act; got none. The environment's `action_masks()` says "
                "them."
            )
        return np.ones((n_envs, sum(masks.counts)), dtype=bool)
    return check_masks(masks, given, n_envs)


def check_masks(masks: Masks, given: Any, n_envs: int) -> np.ndarray:
    """Returns masks as (n_envs, choices) booleans.

    Raises:
        ValueError: as `given_masks`.
    """
    found = np.asarray(given)
    if found.ndim == 1:
        found = found[None]
    shape = n_envs, sum(masks.counts)
    if found.shape != shape:
        raise ValueError(
            f"`action_masks` must have shape (n_envs, choices) = {shape}; got "
            f"{np.shape(given)}."
        )
    if found.dtype != bool:
        if not ((found == 0) | (found == 1)).all():
            raise ValueError("Masks must hold 0 and 1; got other numbers.")
        found = found != 0
    starts = np.cumsum((0, *masks.counts[:-1]))
    if not np.logical_or.reduceat(found, starts, axis=1).all():
        raise ValueError(
            "Masks must leave a valid choice in each part of an action; got "
            f"{found.astype(int).tolist()}."
        )
    return found
