"""Validation of what a wiring is asked for, before anything is sampled."""

from __future__ import annotations

import operator
from numbers import Real

import torch


def integer(name: str, value: int) -> int:
    """Returns an integer; refuses booleans and everything else with a TypeError."""
    if isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer; got {value!r}.")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be an integer; got {value!r}.") from None


def count(name: str, value: int, least: int = 1) -> int:
    """Returns an integer; refuses one below `least` with a ValueError."""
    number = integer(name, value)
    if number < least:
        raise ValueError(f"`{name}` must be at least {least}; got {number}.")
    return number


def sparsity(value: float) -> float:
    """Returns a sparsity level; refuses one outside [0.1, 0.9] with a ValueError."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`sparsity_level` must be a number; got {value!r}.")
    if not 0.1 <= value <= 0.9:
        raise ValueError(
            f"`sparsity_level` must be between '[0.1, 0.9]'; got {value}: 0.1 is "
            "nearly dense, 0.9 very sparse. For all synapses leave it out and give a "
            'network `wiring="dense"`, a policy that in its `network_kwargs`.'
        )
    return float(value)


def generator(seed: int | None) -> torch.Generator | None:
    """Returns a private generator of a seed; None, for the global one, without."""
    if seed is None:
        return None
    private = torch.Generator(device="cpu")
    private.manual_seed(integer("seed", seed) % 2**63)
    return private
