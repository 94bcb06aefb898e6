"""The recurrence in loops that numba compiles, in single precision on the CPU.

Arguments are those of `velora.models.lnn.cfc.backends`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.backend import NUMBA, Backend
from velora.models.lnn.compiled import loops
from velora.models.lnn.eager import is_single

_LOOPS = "velora.models.lnn.cfc.loops"
# From this many multiplications a step on, PyTorch's product outruns the compiled loop.
_LARGE = 20_000_000
_LARGE_IN_PARALLEL = 5_000_000  # where PyTorch has more threads; the loop has one
_WIDE = 192  # states from which on the compiled product is one of long rows


def has_numba() -> bool:
    """Whether the loops can be compiled on this machine."""
    return loops(_LOOPS) is not None


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are plain float32 tensors on the CPU, few enough for one thread."""
    large = _LARGE if torch.get_num_threads() == 1 else _LARGE_IN_PARALLEL
    return work <= large and is_single(tensor) and has_numba()


def lay_out(weight: Tensor) -> Tensor:
    """Returns a weight by rows for a product of long rows, else by columns."""
    if weight.shape[1] < _WIDE:
        return weight.T.contiguous().T
    return weight.contiguous()


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> Tensor:
    """Overwrites `heads`, fills `before` and returns the (T, B, H) states."""
    states = heads.new_empty(*heads.shape[:2], weight.shape[1])
    compiled: Any = loops(_LOOPS)
    compiled.scan_forward(
        heads.numpy(),
        # The loop has a product for each layout, and knows them by their shapes.
        _array(weight if weight.is_contiguous() else weight.T),
        before.numpy(),
        compiled.NO_RESETS if resets is None else _array(resets),
        compiled.NO_TIMES if times is None else _array(times[..., 0]),
        states.numpy(),
    )
    return states


def backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Returns the gradients of the heads, (T, B, N·H), and of the state, (B, H)."""
    grad_heads = torch.empty_like(heads)
    grad_state = heads.new_empty(heads.shape[1], weight.shape[1])
    compiled: Any = loops(_LOOPS)
    compiled.scan_backward(
        compiled.NO_GRADIENT if grad_y is None else _array(grad_y),
        compiled.NO_GRADIENT if grad_states is None else _array(grad_states),
        _array(weight.T),
        heads.numpy(),
        compiled.NO_RESETS if resets is None else _array(resets),
        compiled.NO_TIMES if times is None else _array(times[..., 0]),
        grad_heads.numpy(),
        grad_state.numpy(),
    )
    return grad_heads, grad_state


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()


BACKEND = Backend(NUMBA, takes, forward, backward, lay_out)
