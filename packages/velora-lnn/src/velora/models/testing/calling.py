"""Calls of what is tested: an error names the call that raised it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from velora.plugins.testing import RuleError


class CallError(RuleError):
    """What a network or a wiring raised; the message names the call."""


@contextmanager
def calling(call: str) -> Iterator[None]:
    """Names the call in what is raised inside."""
    try:
        yield
    except Exception as error:
        raise CallError(f"{call} raised {type(error).__name__}: {error}") from error
