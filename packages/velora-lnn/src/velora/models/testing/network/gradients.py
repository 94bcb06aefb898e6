"""Gradients of all that a call gave to all that it was given."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from velora.models.protocol import State
from velora.models.testing.differences import Named
from velora.models.testing.network.state import name_parts


def differentiable(x: Tensor, state: State | None, network: nn.Module) -> Named:
    """Returns all to which a gradient can be asked for, by name."""
    named = {"the inputs": x, **name_parts("the state given", state)}
    named |= {f"parameter `{name}`": p for name, p in network.named_parameters()}
    return {name: tensor for name, tensor in named.items() if tensor.requires_grad}


def gradients(outputs: Named, wanted: Named) -> dict[str, Tensor]:
    """Returns the gradient of a weighted sum of all outputs to each tensor.

    Args:
        outputs: tensors, the weight of each number of which is sampled anew but always
            the same. One that needs no gradient is left out.
        wanted: tensors that need a gradient; one that nothing depends on gets zeros.

    Returns:
        By the name "the gradients of" what was wanted.
    """
    generator = torch.Generator("cpu").manual_seed(1)
    loss = torch.zeros(())
    for output in outputs.values():
        weights = torch.randn(output.shape, generator=generator, dtype=torch.float64)
        if output.requires_grad:
            loss = loss + (output * weights.to(output.dtype)).sum()
    found: tuple[Tensor, ...] = tuple(map(torch.zeros_like, wanted.values()))
    if loss.requires_grad:
        found = torch.autograd.grad(
            loss, list(wanted.values()), allow_unused=True, materialize_grads=True
        )
    return {
        f"the gradients of {name}": grad
        for name, grad in zip(wanted, found, strict=True)
    }
