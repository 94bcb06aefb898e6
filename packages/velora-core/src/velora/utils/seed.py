"""One seed for every source of randomness."""

from __future__ import annotations

import operator
import random
import secrets

import numpy as np
import torch


def set_seed(value: int | None = None) -> int:
    """Seeds `random`, NumPy's global generator and PyTorch on all devices.

    Args:
        value: the seed, from 0 to 2**32 - 1; None draws a fresh one.

    Returns:
        The seed used, so that it can be logged.

    Raises:
        TypeError: the seed is no integer.
        ValueError: the seed is outside its range.
    """
    if isinstance(value, bool):
        raise TypeError(f"`value` must be an integer or None; got {value!r}.")
    try:
        seed = secrets.randbits(32) if value is None else operator.index(value)
    except TypeError:
        raise TypeError(f"`value` must be an integer or None; got {value!r}.") from None
    if not 0 <= seed < 2**32:
        raise ValueError(
            f"`value` must be between 0 and 2**32 - 1, which NumPy takes; got {seed}."
        )
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return seed
