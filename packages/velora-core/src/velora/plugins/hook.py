"""A hook must be a plain function: what runs later, or never, would do nothing."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator

import pluggy

from velora.plugins.printable import class_name

_NOT_PLAIN = (
    (inspect.isasyncgenfunction, "an async generator"),
    (inspect.iscoroutinefunction, "an async function"),
    (inspect.isgeneratorfunction, "a generator"),
)


def fault_of_hook(hook: pluggy.HookImpl) -> str | None:
    """Says why calling a hook would do nothing, None where it would do something."""
    for is_such, what in _NOT_PLAIN:
        if is_such(hook.function):
            return _fault(f"it is {what}")
    return None


def fault_of_result(result: object) -> str | None:
    """Says why what a hook returned does nothing, None where it need not.

    What would wait to be run is closed, so that Python does not complain of it as well.
    """
    if not isinstance(result, (Awaitable, Iterator, AsyncIterator)):
        return None
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
    return _fault(f"it returned one of the class {class_name(result)}")


def _fault(problem: str) -> str:
    return (
        f"it must do its work when it is called, and {problem}, which nobody runs. "
        "Make it a plain function, without async and yield."
    )
