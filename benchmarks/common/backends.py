"""Which backend a liquid network runs over sequences with; known here alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from velora.models.lnn.backend import VARIABLE
from velora.models.lnn.cfc.backends.numba_loops import has_numba

__all__ = ["backend", "has_numba"]


@contextmanager
def backend(name: str | None) -> Iterator[None]:
    """Makes Velora take a backend: "numba", "operators", or with None its own choice.

    "operators" are PyTorch's alone, as if numba were not installed.
    """
    with mock.patch.dict(os.environ, {} if name is None else {VARIABLE: name}):
        yield
