"""How the weights of a layer start."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

Initializer = Callable[[Tensor], object]


def _kaiming_uniform(weight: Tensor) -> None:
    """As `nn.Linear`: uniform in ±1/sqrt(F) (He et al. 2015)."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))


def _trunc_normal(weight: Tensor) -> None:
    """Normal with standard deviation 1e-3, cut at ±2."""
    nn.init.trunc_normal_(weight, std=1e-3)


def _sonar(weight: Tensor) -> None:
    """Uniform in ±0.006·sqrt(3/F) (SONAR; Duquenne et al. 2023)."""
    bound = 0.006 * math.sqrt(3 / weight.shape[1])
    nn.init.uniform_(weight, -bound, bound)


INITIALIZERS: dict[str, Initializer] = {
    "kaiming_uniform": _kaiming_uniform,
    "xavier": nn.init.xavier_normal_,
    "orthogonal": nn.init.orthogonal_,
    "trunc_normal": _trunc_normal,
    "sonar": _sonar,
    "zero": nn.init.zeros_,
}


def initializer(init_type: str) -> Initializer:
    """Returns the function that fills a (O, F) weight in place.

    Raises:
        ValueError: `init_type` is unknown.
    """
    try:
        return INITIALIZERS[init_type]
    except (KeyError, TypeError):
        raise ValueError(
            f"`init_type` must be one of {sorted(INITIALIZERS)}; got {init_type!r}."
        ) from None
