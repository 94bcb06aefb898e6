"""What kernels take: which tensors, how these are cut, and what is left around them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from velora.models.lnn.eager import is_plain
from velora.models.lnn.kernels.availability import is_able

_MOST = 256  # states; of more, the products of operators keep more of a GPU busy
_ROWS = 16  # of a batch for each block of threads, the fewest of a tensor core's
_AT_ONCE = 64 * 128  # weights of a product in shared memory, which are 32 KiB


def is_operand(tensor: Tensor, work: int) -> bool:
    """Whether this is plain float32 where kernels run, and of few enough states.

    Args:
        tensor: (T, B, N·H), of the kind of all arguments.
        work: multiplications a step, B·N·H·H.
    """
    return (
        is_plain(tensor, dtype=torch.float32, anywhere=True)
        and is_able(tensor.device)
        and work <= _MOST * tensor.shape[-2:].numel()
    )


class Launch(NamedTuple):
    """How a kernel is launched.

    Attributes:
        grid: blocks of threads.
        sizes: steps, batch, H, and the numbers of a row of `before`.
        options: how blocks are cut.
    """

    grid: tuple[int]
    sizes: tuple[int, int, int, int]
    options: dict[str, Any]


def launch(
    heads: Tensor, weight: Tensor, before: Tensor, *others: Tensor | None
) -> Launch:
    """Returns how a kernel is launched on (T, B, N·H) heads.

    Raises:
        ValueError: an argument is on another device, to which a kernel would write.
    """
    for tensor in (weight, before, *others):
        if tensor is not None and tensor.device != heads.device:
            raise ValueError(
                "A sequence and all that it is computed with must be on one device; "
                f"got {heads.device} and {tensor.device}. Move it with "
                f"`.to({str(heads.device)!r})`."
            )
    steps, batch, _ = heads.shape
    hidden = weight.shape[1]
    size = max(_ROWS, 1 << (hidden - 1).bit_length())
    options = {
        "ROWS": _ROWS,
        "SIZE": size,
        "BLOCK": min(size, max(_AT_ONCE // size, _ROWS)),
        "num_warps": 4 if size <= 64 else 8,
        # Nothing is read ahead: a product reads what was written just before.
        "num_stages": 1,
    }
    sizes = (steps, batch, hidden, before.shape[2])
    return Launch((-(-batch // _ROWS),), sizes, options)


def on_device_of(tensor: Tensor) -> AbstractContextManager[None]:
    """Makes the device of a tensor the one that kernels are launched on."""
    made: Any = torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]  # of PyTorch
    return made  # type: ignore[no-any-return]  # as it is


def given(tensor: Tensor | None, instead: Tensor) -> Tensor:
    """Returns what a kernel reads of an argument, or what it does not read."""
    if tensor is None:
        return instead
    # A kernel reads numbers one after another, and of booleans their bytes.
    tensor = tensor.contiguous()
    return tensor.view(torch.uint8) if tensor.dtype == torch.bool else tensor


def add_to_outputs(heads: Tensor, weight: Tensor, before: Tensor, y: Tensor) -> None:
    """Adds y and what the states before give to the last head, which no state needs."""
    hidden = weight.shape[1]
    proj = heads.flatten(0, 1)[:, -hidden:]
    proj.addmm_(before.flatten(0, 1)[:, -hidden:], weight[-hidden:].T)
    heads[..., -hidden:].add_(y)


class FromOutside(NamedTuple):
    """What gradients are known before the loop.

    Attributes:
        of_states: (T, B, H), of the states after each step.
        of_first: (B, H), of the state before the first one.
    """

    of_states: Tensor
    of_first: Tensor


def from_outside(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    resets: Tensor | None,
    grad_heads: Tensor,
) -> FromOutside:
    """Returns the gradients that come from outside the loop, and fills the last head's.

    Arguments are those of a backend's backward; `grad_heads` (T, B, N·H) is to fill.
    """
    hidden = weight.shape[1]
    last = grad_heads[..., -hidden:]
    if grad_y is None:
        last.zero_()
        assert grad_states is not None  # one of them is there
        nothing = grad_heads.new_zeros(grad_states.shape[1:])
        return FromOutside(grad_states.contiguous(), nothing)
    last.copy_(grad_y)
    through = grad_y @ weight[-hidden:]  # to the state before the step
    if resets is not None:
        through.masked_fill_(resets[..., None], 0)
    of_states = grad_y.clone() if grad_states is None else grad_y + grad_states
    of_states[:-1] += through[1:]
    return FromOutside(of_states.contiguous(), through[0].clone())
