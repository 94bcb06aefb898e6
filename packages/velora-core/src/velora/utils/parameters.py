"""How many parameters a module has, and how many of them count."""

from __future__ import annotations

from torch import Tensor, nn


def total_parameters(module: nn.Module) -> int:
    """Counts the trainable parameters, shared ones once.

    Raises:
        TypeError: `module` is no `torch.nn.Module`.
    """
    _check_module(module)
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def active_parameters(module: nn.Module) -> int:
    """Counts the trainable parameters that no mask removes.

    A submodule is taken to multiply its `weight` by its `mask` where it has both, of
    one shape.

    Raises:
        TypeError: `module` is no `torch.nn.Module`.
    """
    _check_module(module)
    kept: dict[int, Tensor] = {}  # by weight: a shared one may have several masks
    for layer in module.modules():
        weight, mask = getattr(layer, "weight", None), getattr(layer, "mask", None)
        if not isinstance(weight, nn.Parameter) or not isinstance(mask, Tensor):
            continue
        if weight.requires_grad and weight.shape == mask.shape:
            kept[id(weight)] = (mask != 0) | kept.get(id(weight), mask != 0)
    removed = sum(int((~mask).sum()) for mask in kept.values())
    return total_parameters(module) - removed


def _check_module(module: nn.Module) -> None:
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"`module` must be a torch.nn.Module; got {type(module).__name__}."
        )
