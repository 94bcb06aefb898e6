"""Mish, as fast as the device allows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LARGE = 4096  # elements from which several vectorised operators beat a scalar one


def mish(x: Tensor) -> Tensor:
    """Computes x·tanh(softplus(x)) (Misra 2019).

    PyTorch's own operator is scalar code on a CPU. Large tensors take vectorised
    operators there, which are faster; the results agree to rounding. A hand-written
    backward was slower.

    Args:
        x: any shape.

    Returns:
        The same shape.
    """
    # The compiler fuses PyTorch's own, and must not see a choice by size.
    if torch.compiler.is_compiling() or x.numel() < _LARGE or x.device.type != "cpu":
        return functional.mish(x)
    if x.dtype not in (torch.float32, torch.float64):
        return functional.mish(x)  # it computes in a wider type than it returns
    if torch.is_grad_enabled() and x.requires_grad:
        return x * torch.tanh(functional.softplus(x))
    # With s = sigmoid(x) and u = s·(2 - s), tanh(softplus(x)) is u / (2 - u).
    s = torch.sigmoid(x)
    u = (2 - s).mul_(s)
    return u.div_(2 - u).mul_(x)
