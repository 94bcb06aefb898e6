"""Second derivatives of functions whose backward is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def differentiable_backward(
    function: Callable[..., tuple[Tensor, ...]],
    arguments: tuple[Any, ...],
    needed: tuple[bool, ...],
    grads: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...]:
    """Returns gradients that can be differentiated again.

    Args:
        function: computes the outputs in plain operators.
        arguments: of the function, some of them no tensors.
        needed: whether the gradient of that argument is needed.
        grads: of the function's outputs.
    """
    with torch.enable_grad():
        # As views, arguments do not depend on each other, whatever they came from.
        inner = [x.view_as(x) if isinstance(x, Tensor) else x for x in arguments]
        wanted = [x for x, need in zip(inner, needed, strict=True) if need]
        pairs = zip(function(*inner), grads, strict=True)
        given = [pair for pair in pairs if pair[1] is not None]
        outputs, directions = zip(*given, strict=True)
        found = iter(
            torch.autograd.grad(
                outputs, wanted, directions, create_graph=True, allow_unused=True
            )
        )
    return tuple(next(found) if need else None for need in needed)
