"""Whether there are compiled loops on this machine, and which tensors they take."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import time
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger(__name__)


@functools.cache
def loops() -> Any | None:
    """Returns the module of compiled loops, or None where numba is not to be had.

    The first call compiles them, if no earlier run has left them on disk, and logs how
    long that took if it was more than a second. `NUMBA_DISABLE_JIT=1` turns them off.
    """
    if importlib.util.find_spec("numba") is None:
        return None
    start = time.perf_counter()
    try:
        import numba

        if getattr(numba.config, "DISABLE_JIT", False):
            return None
        module = importlib.import_module("velora.models.lnn.loops")
    except Exception as error:  # as when numba and NumPy do not fit together
        logger.warning(
            "numba cannot compile Velora's loops here, so PyTorch's operators run: %s. "
            "Upgrade numba to a version that fits, or uninstall it.",
            error,
        )
        return None
    seconds = time.perf_counter() - start
    if seconds > 1 and module.scan_forward.stats.cache_misses:
        logger.warning(
            "Compiled Velora's loops for this machine in %.0f s; later runs find them "
            "on disk.",
            seconds,
        )
    return module


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
    return all(
        type(tensor) in (Tensor, torch.nn.Parameter)  # no tracer's, no wrapper's
        and tensor.dtype == dtype
        and tensor.is_cpu
        and tensor.layout == torch.strided
        for tensor in tensors
    )


def is_single(*tensors: Tensor) -> bool:
    """Whether all tensors are plain ones in single precision on the CPU."""
    return is_plain(*tensors, dtype=torch.float32)
