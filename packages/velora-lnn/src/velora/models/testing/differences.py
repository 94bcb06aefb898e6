"""Differences between tensors, in words: where two computations are not the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Named = Mapping[str, Tensor]  # by what a report calls each, such as "the outputs"
TOLERANCES = {torch.float64: 1e-8, torch.float32: 1e-4}
"""Largest error, as a share of the largest number of a tensor."""


def difference(got: Named, expected: Named, tolerance: float) -> str | None:
    """Says how far the first tensor that differs is off; None where none does.

    Args:
        got: tensors by name.
        expected: what they should be.
        tolerance: largest error, as a share of the largest number of a tensor, or of a
            thousandth of the largest one of all, whichever is more: what is zero but
            for rounding has no scale of its own.
    """
    if got.keys() != expected.keys():
        return f"there are {list(got)} instead of {list(expected)}"
    got, expected = _as_numbers(got), _as_numbers(expected)
    sizes = {name: _largest(tensor) for name, tensor in expected.items()}
    floor = 1e-3 * max(sizes.values(), default=0.0)
    for name, wanted in expected.items():
        tensor = got[name]
        if tensor.shape != wanted.shape:
            return (
                f"{name} have the shape {tuple(tensor.shape)} instead of "
                f"{tuple(wanted.shape)}"
            )
        if not (bool(torch.isfinite(tensor).all()) and sizes[name] < float("inf")):
            return f"{name} are not finite"
        error = (tensor - wanted).abs()
        if error.numel() and error.max() > tolerance * max(sizes[name], floor):
            where = [int(i) for i in torch.unravel_index(error.argmax(), error.shape)]
            return (
                f"{name} differ by up to {error.max().item():.2g}, at {where}, where "
                f"the largest number is {sizes[name]:.2g}"
            )
    return None


def same(got: Named, expected: Named) -> bool:
    """Whether tensors are equal to the last bit."""
    return got.keys() == expected.keys() and all(
        torch.equal(tensor, expected[name]) for name, tensor in got.items()
    )


def _as_numbers(tensors: Named) -> dict[str, Tensor]:
    """Gives integers and booleans as numbers that can be subtracted."""
    return {
        name: tensor.detach() if tensor.is_floating_point() else tensor.double()
        for name, tensor in tensors.items()
    }


def _largest(tensor: Tensor) -> float:
    if not tensor.numel():
        return 0.0
    return float(tensor.abs().nan_to_num(nan=float("inf")).max())
