"""Mish, as fast as the device allows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LARGE = 4096  # elements from which several vectorised operators beat a scalar one


def mish(x: Tensor) -> Tensor:
    """Computes x·tanh(softplus(x)) (Misra 2019).

    PyTorch's own operator is scalar code on a CPU. Large tensors take vectorised
    operators there: about half the time forward and backward, a third without
    gradients. The results agree to rounding.

    Args:
        x: any shape.

    Returns:
        The same shape.
    """
    precise = x.dtype in (torch.float32, torch.float64)
    if x.device.type != "cpu" or not precise or torch.compiler.is_compiling():
        return functional.mish(x)
    if x.numel() < _LARGE:
        return functional.mish(x)
    if torch.is_grad_enabled() and x.requires_grad:
        return x * torch.tanh(functional.softplus(x))
    # tanh(softplus(x)) = 1 - 2 / ((1 + e^x)² + 1)
    return x - (2 * x).div_(torch.exp(x).add_(1).square_().add_(1))
