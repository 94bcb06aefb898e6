"""How many parameters a module has, and how many of them count."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
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
    one shape; its `masked_names`, if any, say which parameters it does so with. What
    `torch.nn.utils.prune` removes counts as removed, and of a parametrized weight each
    parameter of which the masked weight does not depend. On the device "meta" a layer
    is asked for its `n_synapses`.

    Raises:
        TypeError: `module` is no `torch.nn.Module`.
        ValueError: a mask has no data, and its layer does not say `n_synapses`.
    """
    _check_module(module)
    kept: dict[nn.Parameter, Tensor] = {}  # a shared one may have several masks
    removed = 0
    for layer in module.modules():
        for parameter, mask in _masked(layer):
            if mask.is_meta:
                removed += 0 if parameter in kept else mask.numel() - _synapses(layer)
                mask = torch.ones(())  # for whoever shares it
            kept[parameter] = (mask != 0) | kept.get(parameter, mask != 0)
    removed += sum(int((~mask).sum()) for mask in kept.values())
    return total_parameters(module) - removed


def _masked(layer: nn.Module) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Finds the trainable parameters of a layer that a mask is for, each with its own.

    A mask is not 0 where the parameter counts.
    """
    mask = getattr(layer, "mask", None)
    for name in getattr(layer, "masked_names", ("weight",)):
        yield from _masked_by(layer, name, mask)


def _masked_by(
    layer: nn.Module, name: str, mask: object
) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Finds what of one parameter a mask is for."""
    parametrizations = getattr(layer, "parametrizations", None)
    if parametrizations is not None and name in parametrizations:
        if isinstance(mask, Tensor):
            yield from _parametrized(parametrizations[name], mask)
        return
    pruned = getattr(layer, f"{name}_mask", None)  # of torch.nn.utils.prune
    weight = getattr(layer, name if pruned is None else f"{name}_orig", None)
    if not isinstance(weight, nn.Parameter) or not weight.requires_grad:
        return
    masks = [m for m in (mask, pruned) if isinstance(m, Tensor)]
    masks = [m for m in masks if m.shape == weight.shape]
    if len(masks) == 1:
        yield weight, masks[0]
    elif masks:
        yield weight, (masks[0] != 0) & (masks[1] != 0)


def _parametrized(
    parametrization: nn.Module, mask: Tensor
) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Finds which originals of a parametrized weight its unmasked part depends on."""
    twin = copy.deepcopy(parametrization).eval()  # some change at each look
    originals = [p for p in parametrization.parameters() if p.requires_grad]
    copies = [p for p in twin.parameters() if p.requires_grad]
    with torch.enable_grad():
        weight: Tensor = twin()
        if weight.shape != mask.shape or not copies:
            return
        # Random factors, so that nothing cancels; a dependence is no zero.
        factors = torch.rand_like(weight) + 1
        found = torch.autograd.grad(
            (weight * mask * factors).sum(), copies, materialize_grads=True
        )
    yield from zip(originals, found, strict=True)


def _synapses(layer: nn.Module) -> int:
    found = getattr(layer, "n_synapses", None)
    if not isinstance(found, int):
        raise ValueError(
            "A mask must have data for its synapses to be counted; got one on the "
            f"device meta, of {type(layer).__name__}. Load the module's state first."
        )
    return found


def _check_module(module: nn.Module) -> None:
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"`module` must be a torch.nn.Module; got {type(module).__name__}."
        )
