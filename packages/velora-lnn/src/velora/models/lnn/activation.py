"""Activations by name, and Mish as fast as the device allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.backend import may_compile
from velora.models.lnn.compiled import loops
from velora.models.lnn.eager import has_open_sizes, is_single, is_traced

_LOOPS = "velora.models.lnn.compiled.mish"
_LARGE = 4096  # elements from which several vectorised operators beat a scalar one


def mish(x: Tensor) -> Tensor:
    """Computes x·tanh(softplus(x)) (Misra 2019).

    PyTorch's own operator is scalar code on a CPU. Large tensors take a compiled loop
    there where numba is installed (`velora-lnn[fast]`), or vectorised operators, both
    faster; the results agree to rounding.

    Args:
        x: any shape.

    Returns:
        The same shape.
    """
    if has_open_sizes() or x.numel() < _LARGE or x.device.type != "cpu" or is_traced():
        return functional.mish(x)
    if x.dtype not in (torch.float32, torch.float64):
        return functional.mish(x)  # it computes in a wider type than it returns
    if _takes_loops(x):
        y: Tensor = _Mish.apply(x)  # type: ignore[no-untyped-call]  # PyTorch's own
        return y
    if torch.is_grad_enabled() and x.requires_grad:
        return x * torch.tanh(functional.softplus(x))
    # With s = sigmoid(x) and u = s·(2 - s), tanh(softplus(x)) is u / (2 - u).
    s = torch.sigmoid(x)
    u = (2 - s).mul_(s)
    return u.div_(2 - u).mul_(x)


class _Mish(torch.autograd.Function):
    """Mish of single precision on the CPU in compiled loops."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        x = x.detach().contiguous()
        y = torch.empty_like(x)
        compiled: Any = loops(_LOOPS)
        compiled.mish_forward(x.view(-1).numpy(), y.view(-1).numpy())
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if torch.is_grad_enabled() or is_traced(grad_y):
            slope: Tensor
            with torch.enable_grad():
                y = functional.mish(x)
                (slope,) = torch.autograd.grad(y, x, grad_y, create_graph=True)
            return slope
        x, grad_y = x.detach().contiguous(), grad_y.contiguous()
        grad_x = torch.empty_like(x)
        compiled: Any = loops(_LOOPS)
        compiled.mish_backward(
            x.view(-1).numpy(), grad_y.view(-1).numpy(), grad_x.view(-1).numpy()
        )
        return grad_x


Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {
    "elu": functional.elu,
    "gelu": functional.gelu,
    "leaky_relu": functional.leaky_relu,
    "mish": mish,
    "relu": torch.relu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}


def activation_of(name: str) -> Activation:
    """Returns an activation by its name.

    Raises:
        ValueError: it is unknown.
    """
    try:
        return ACTIVATIONS[name]
    except (KeyError, TypeError):
        raise ValueError(
            f"`activation` must be one of {sorted(ACTIVATIONS)}; got {name!r}."
        ) from None


def mish_with_slope(x: Tensor, y: Tensor) -> None:
    """Fills `y` with Mish of `x`, and `x` with its derivative there.

    Args:
        x: (R, X), of which the last columns are meant, as many as both have.
        y: (R, Y), of which the first ones are meant.
    """
    if _takes_loops(x, y):
        compiled: Any = loops(_LOOPS)
        compiled.mish_with_slope(x.numpy(), y.numpy())
        return
    size = min(x.shape[1], y.shape[1])
    x, y = x[:, -size:], y[:, :size]
    s = torch.sigmoid(x)
    u = (2 - s).mul_(s)
    tanh = u.div_(2 - u)  # of softplus, as above
    torch.mul(x, tanh, out=y)
    # tanh + x·s·(1 - tanh²), as s is the slope of softplus.
    x.mul_(s).addcmul_(x * tanh, tanh, value=-1).add_(tanh)


def _takes_loops(*tensors: Tensor) -> bool:
    return is_single(*tensors) and may_compile() and loops(_LOOPS) is not None
