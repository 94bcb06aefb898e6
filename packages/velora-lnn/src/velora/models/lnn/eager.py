"""Eager mode: whether plain tensors go through plain operators, here and now.

Fast paths take nothing else: what traces, transforms or wraps tensors sees through no
`torch.autograd.Function` and no loop of numba's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import forward_ad

_PLAIN = (Tensor, torch.nn.Parameter)  # no tracer's, no wrapper's
_has_transforms = torch._C._are_functorch_transforms_active
_number_of_modes = torch._C._len_torch_dispatch_stack

is_recorded: Callable[[], object] = torch._C._get_tracing_state
"""Whether `torch.jit.trace` is watching, by a true value.

Sizes are tensors then: an `if` that asks for one warns, and bakes it in. This is how
nn.Module asks, the fastest way."""


def is_exported() -> bool:
    """Whether `torch.export` is watching, whose outputs have one rank for all batches.

    PyTorch says so since 2.7; an older one exports a network as it does with one batch.
    The flag is asked and not `torch.compiler.is_exporting`, which to the compiler of
    PyTorch 2.11 is always true.
    """
    return getattr(torch.compiler, "_is_exporting_flag", False)


def is_traced(*grads: Tensor | None) -> bool:
    """Whether something is watching the operators: the one question of all fast paths.

    That is a compiler, an exporter, `torch.jit.trace`, a transform of `torch.func`,
    forward-mode differentiation or a mode of dispatch, as of `make_fx` and of whatever
    counts operators. PyTorch has no public names for the last three, and asks this way
    itself.

    Args:
        *grads: what a backward was given; the older vmap of `is_grads_batched` shows in
            them alone.
    """
    if (
        torch.compiler.is_compiling()
        or is_recorded()
        or forward_ad._current_level >= 0
        or _has_transforms()
        or _number_of_modes()
    ):
        return True
    return any(map(_is_batched, grads)) if grads else False


def has_open_sizes() -> bool:
    """Whether what is watching wants to fit other sizes: then no choice may be by size.

    These are cases of `is_traced`, for what is called often.
    """
    return bool(is_recorded()) or torch.compiler.is_compiling()


def is_at_hand(tensor: Tensor) -> bool:
    """Whether a tensor's values can be looked at: it is no tracer's and has data."""
    return type(tensor) in _PLAIN and not tensor.is_meta and not is_traced()


def is_plain(*tensors: Tensor, dtype: torch.dtype, anywhere: bool = False) -> bool:
    """Whether all are tensors of this dtype on the CPU, and of no special kind.

    Args:
        *tensors: which ones.
        dtype: of each.
        anywhere: whether they may be on other devices.
    """
    # A loop and not `all`: this stands before every fast path.
    for tensor in tensors:
        if (
            type(tensor) not in _PLAIN
            or tensor.dtype != dtype
            or not (anywhere or tensor.is_cpu)
            or tensor.layout != torch.strided
        ):
            return False
    return True


def is_single(*tensors: Tensor) -> bool:
    """Whether all tensors are plain ones in single precision on the CPU."""
    return is_plain(*tensors, dtype=torch.float32)


def _is_batched(grad: Tensor | None) -> bool:
    return grad is not None and torch._C._functorch.is_legacy_batchedtensor(grad)


def unbatched(y: Tensor) -> Tensor:
    """Drops the batch dimension of a single row: (1, O) to (O,).

    What `torch.export` makes keeps it, as its outputs have one rank for all batches.
    """
    if is_exported():
        return y
    # What `torch.jit.trace` records must fit other batches.
    return y.squeeze(0) if is_recorded() or y.shape[0] == 1 else y
