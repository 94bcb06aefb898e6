"""Backends: the implementations of a recurrence, and which one a sequence takes.

A recurrence (`cfc`, ...) has a table of them, fastest first. The environment variable
`VELORA_SCAN` forces one for sequences, where a table has one of that name: "numba",
"triton", "operators", or "steps", the recurrence as its equations read, without a
written backward. It is read at each call. With "operators" and "steps" nothing is
compiled, as where neither numba nor Triton is installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

VARIABLE = "VELORA_SCAN"
NUMBA, TRITON = "numba", "triton"
OPERATORS, STEPS = "operators", "steps"
NAMES = (NUMBA, TRITON, OPERATORS, STEPS)


class Backend(NamedTuple):
    """One implementation of a recurrence.

    Attributes:
        name: what `VELORA_SCAN` calls it.
        takes: called with a tensor of the kind of all arguments, and the
            multiplications of a step (0 asks whether it could at all): whether this
            computes them, and well.
        forward: the recurrence over time; its folder says with which arguments.
        backward: its gradients.
        lay_out: puts the recurrent weight into memory as the two are fastest with.
    """

    name: str
    takes: Callable[[Tensor, int], bool]
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    lay_out: Callable[[Tensor], Tensor]


def choose(backends: Sequence[Backend], tensor: Tensor, work: int) -> Backend | None:
    """Returns the backend that a sequence takes; None for its steps one by one.

    Args:
        backends: the recurrence's table, fastest first; the last one takes everything.
        tensor: of the kind of all arguments.
        work: multiplications a step.

    Raises:
        ValueError: `VELORA_SCAN` names no backend.
        RuntimeError: it names one that cannot compute this.
    """
    name = forced()
    if name == STEPS:
        return None
    if name is not None and name not in NAMES:
        raise ValueError(
            f"{VARIABLE} must be one of {list(NAMES)}, or unset for the fastest; got "
            f"{name!r}."
        )
    known = {backend.name: backend for backend in backends}
    if name not in known:
        return next(backend for backend in backends if backend.takes(tensor, work))
    if not known[name].takes(tensor, 0):
        raise RuntimeError(
            f"{VARIABLE}={name} must be able to take what is computed; got "
            f"{tensor.dtype} on {tensor.device}, which it cannot take here. Unset it, "
            "or see the extra `velora-lnn[fast]` where numba is missing. Triton comes "
            "with PyTorch for CUDA on Linux, and takes single precision on NVIDIA's "
            "GPUs since Ampere; `velora info` says why it does not here."
        )
    return known[name]


def forced() -> str | None:
    """Returns what `VELORA_SCAN` asks for, if anything."""
    return os.environ.get(VARIABLE) or None


def may_compile() -> bool:
    """Whether `VELORA_SCAN` leaves compiled loops in play."""
    return forced() not in (OPERATORS, STEPS)
