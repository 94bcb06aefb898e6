"""Tensors of any dtype as float32 numbers, bit for bit: all that a rollout stores."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_WORD = 4  # bytes of a float32


def n_floats(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    """Returns how many float32 numbers hold a tensor of a shape and dtype."""
    return math.prod(shape) * max(1, dtype.itemsize // _WORD)


def to_floats(part: Tensor) -> Tensor:
    """Returns (B, ...) numbers as (B, N) float32.

    Half precision, short integers and booleans are float32 numbers already; of others
    the bits are taken, which nothing computes with.
    """
    flat = part.reshape(part.shape[0], -1)
    if part.dtype.itemsize < _WORD:
        return flat.to(torch.float32)
    if part.dtype == torch.float32:
        return flat
    return flat.detach().resolve_conj().contiguous().view(torch.float32)


def from_floats(flat: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Returns the (B, *shape) numbers that `to_floats` has turned into (B, N)."""
    if dtype.itemsize < _WORD:
        flat = flat.to(dtype)
    elif dtype != torch.float32:
        # A slice of a row starts where it may not be looked at as another dtype.
        flat = flat.detach().clone(memory_format=torch.contiguous_format).view(dtype)
    return flat.reshape(-1, *shape)
