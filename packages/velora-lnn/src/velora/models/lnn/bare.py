"""Modules as holders of weights: whether calling one would do more than its class.

A fast path reads the weights of a module that it does not call. It steps aside, and the
modules are called, where something is hooked, wrapped or parametrized from outside:
`torch.nn.utils.prune`, `weight_norm` and `spectral_norm`, recorders of activations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


def are_bare(forward: Callable[..., Any], *modules: nn.Module) -> bool:
    """Whether calling any of these modules does what `forward` does, and no more.

    Args:
        forward: of the class that they are taken for.
        *modules: whose weights are to be read.
    """
    # PyTorch has no public name for hooks; nn.Module asks the same before a call.
    of_all = nn.modules.module
    if (
        of_all._global_forward_hooks
        or of_all._global_forward_pre_hooks
        or of_all._global_backward_hooks
        or of_all._global_backward_pre_hooks
    ):
        return False
    for module in modules:
        own = module.__dict__
        if (
            type(module).forward is not forward
            or "forward" in own
            or own["_forward_hooks"]
            or own["_forward_pre_hooks"]
            or own["_backward_hooks"]
            or own["_backward_pre_hooks"]
            or "parametrizations" in own["_modules"]
        ):
            return False
    return True
