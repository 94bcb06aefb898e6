"""The warning filter of commands, which say in their own way what is broken."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_warnings() -> Iterator[None]:
    """Hides the warnings of broken plugins, which show where the host gives them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Plugin .* is broken", RuntimeWarning)
        yield
