"""How the weights of a layer start."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import torch
from torch import Tensor, nn

Initializer = Callable[[Tensor, Tensor | None], object]
Filler = Callable[[Tensor], object]


def _synaptic(weight: Tensor, mask: Tensor | None) -> None:
    """Normal with variance 1/k, k the synapses that enter the neuron.

    He et al. 2015, "Delving deep into rectifiers", with the fan-in that is there.
    """
    if mask is None:
        raise ValueError(
            "`init_type` 'synaptic' must have a mask, whose synapses it counts; got "
            "none. Choose another for a layer without one."
        )
    entering = torch.count_nonzero(mask, dim=1).clamp(min=1)  # (O,)
    nn.init.normal_(weight).div_(entering.to(weight.dtype).sqrt()[:, None])


def _without_mask(fill: Filler) -> Initializer:
    return lambda weight, mask: fill(weight)


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
    "kaiming_uniform": _without_mask(_kaiming_uniform),
    "xavier": _without_mask(nn.init.xavier_normal_),
    "orthogonal": _without_mask(nn.init.orthogonal_),
    "trunc_normal": _without_mask(_trunc_normal),
    "sonar": _without_mask(_sonar),
    "zero": _without_mask(nn.init.zeros_),
    "synaptic": _synaptic,
}


def initializer(init_type: str) -> Initializer:
    """Returns the function that fills a (O, F) weight in place.

    It is called with the weight and its (O, F) mask, or None where it has none.

    Raises:
        ValueError: `init_type` is unknown.
    """
    try:
        return INITIALIZERS[init_type]
    except (KeyError, TypeError):
        raise ValueError(
            f"`init_type` must be one of {sorted(INITIALIZERS)}; got {init_type!r}."
        ) from None


def check_gain(gain: float) -> float:
    """Returns a factor of initial weights.

    Raises:
        TypeError: it is no number.
        ValueError: it is negative, infinite or NaN.
    """
    if isinstance(gain, bool) or not isinstance(gain, Real):
        raise TypeError(f"`gain` must be a number; got {gain!r}.")
    if not 0 <= gain < math.inf:  # which NaN is not, either
        raise ValueError(f"`gain` must be finite and not negative; got {gain!r}.")
    return float(gain)
