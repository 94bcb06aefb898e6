"""Eager mode: whether plain tensors go through plain operators, here and now.

Fast paths take nothing else: what traces, transforms or wraps tensors sees through no
`torch.autograd.Function` and no loop of numba's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

_PLAIN = (Tensor, torch.nn.Parameter)  # no tracer's, no wrapper's


def is_traced() -> bool:
    """Whether something is watching the operators: the one question of all fast paths.

    That is a compiler, an exporter, `torch.jit.trace`, a transform of `torch.func` or
    forward-mode differentiation.
    """
    return (
        torch.compiler.is_compiling()
        or torch._C._is_tracing()
        or is_transformed()
        # PyTorch has no public name for it.
        or forward_ad._current_level >= 0
    )


def is_at_hand(tensor: Tensor) -> bool:
    """Whether a tensor's values can be looked at: it is no tracer's and has data."""
    return type(tensor) in _PLAIN and not tensor.is_meta and not is_traced()


def is_transformed(*grads: Tensor | None) -> bool:
    """Whether a transform is active, which sees through no Function.

    That is one of `torch.func`, or the older vmap of `is_grads_batched`, which shows in
    the gradients alone. torch.autograd.Function itself asks this way; PyTorch has no
    public one.
    """
    return torch._C._are_functorch_transforms_active() or any(
        grad is not None and torch._C._functorch.is_legacy_batchedtensor(grad)
        for grad in grads
    )


def is_plain(*tensors: Tensor, dtype: torch.dtype) -> bool:
    """Whether all are tensors of this dtype on the CPU, and of no special kind."""
    # A loop and not `all`: this stands before every fast path.
    for tensor in tensors:
        if (
            type(tensor) not in _PLAIN
            or tensor.dtype != dtype
            or not tensor.is_cpu
            or tensor.layout != torch.strided
        ):
            return False
    return True


def is_single(*tensors: Tensor) -> bool:
    """Whether all tensors are plain ones in single precision on the CPU."""
    return is_plain(*tensors, dtype=torch.float32)
