"""What compiled loops take: which tensors, and how these lie in memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.eager import is_single

# From this many multiplications a step on, PyTorch's product outruns the compiled loop.
_LARGE = 20_000_000
_LARGE_IN_PARALLEL = 5_000_000  # where PyTorch has more threads; the loop has one
_WIDE = 192  # states from which on the compiled product is one of long rows


def is_operand(tensor: Tensor, work: int) -> bool:
    """Whether this is plain float32 on the CPU, and a step little for one thread.

    Args:
        tensor: of the kind of all arguments.
        work: multiplications a step.
    """
    large = _LARGE if torch.get_num_threads() == 1 else _LARGE_IN_PARALLEL
    return work <= large and is_single(tensor)


def lay_out(weight: Tensor) -> Tensor:
    """Returns a weight by rows for a product of long rows, else by columns."""
    if weight.shape[1] < _WIDE:
        return weight.T.contiguous().T
    return weight.contiguous()


def array(tensor: Tensor) -> Any:
    """Returns the numbers of a tensor in NumPy's words, row after row."""
    return tensor.detach().contiguous().numpy()
