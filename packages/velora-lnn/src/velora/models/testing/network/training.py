"""Rules about training: the gradients that an optimizer gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from velora.models.testing.network.network_under_test import NetworkUnderTest


def trainable(subject: NetworkUnderTest) -> Iterator[str]:
    """Every parameter and the inputs get a finite gradient."""
    network = subject.network().train()
    x = subject.inputs(5).requires_grad_()
    options = {}
    if subject.takes(network, "timespans"):
        options["timespans"] = subject.times(3, 5)
    run = subject.run(network, x, **options)
    if not run.y.requires_grad:
        yield (
            "outputs must be differentiable; they need no gradient. Look for "
            "`detach`, `torch.no_grad`, NumPy or an `argmax` on the way."
        )
        return
    named = {
        f"parameter `{name}`": parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    wanted = {"the inputs": x, **named}
    weights = subject.numbers(*run.y.shape, seed=1)
    found: Any = torch.autograd.grad(
        (run.y * weights).sum(), list(wanted.values()), allow_unused=True
    )
    grads = dict(zip(wanted, found, strict=True))
    for name, grad in grads.items():
        if grad is None:
            yield (
                f"{name} must get a gradient; got None. Let the outputs depend on it, "
                "or freeze a parameter with requires_grad=False."
            )
        elif not torch.isfinite(grad).all():
            yield f"{name} must get a finite gradient; got {_first_bad(grad)}."
    for what, names in (("the inputs", ["the inputs"]), ("some parameter", named)):
        got = [grads[name] for name in names if grads[name] is not None]
        if got and not any(grad.any() for grad in got):
            yield (
                f"{what} must get a gradient other than zero; got zeros alone. Look "
                "for a `round`, a `sign` or a `clamp` that all goes through."
            )


def _first_bad(grad: Tensor) -> float:
    return float(grad[~torch.isfinite(grad)][0])
