"""Which backend a liquid network runs over sequences with; known here alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from velora.models.lnn import activation, compiled, recurrence


def has_numba() -> bool:
    """Whether there are compiled loops on this machine."""
    return compiled.loops() is not None


@contextmanager
def backend(name: str | None) -> Iterator[None]:
    """Makes Velora take a backend: "numba", "operators", or with None its own choice.

    "operators" are PyTorch's alone, as if numba were not installed.
    """
    if name not in (None, "numba", "operators"):
        raise ValueError(f'`name` must be "numba", "operators" or None; got {name!r}.')
    with ExitStack() as stack:
        for module in (activation, recurrence) if name == "operators" else ():
            stack.enter_context(mock.patch.object(module, "loops", return_value=None))
        yield
