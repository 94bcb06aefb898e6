"""Thread-local state: does this thread run plugin code, does it search for faults?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from velora.plugins.info import PluginError

_thread = threading.local()


@contextmanager
def plugin_code() -> Iterator[None]:
    """Marks what this thread does inside as code of plugins, which must not ask."""
    before = getattr(_thread, "is_in_plugin_code", False)
    _thread.is_in_plugin_code = True
    try:
        yield
    finally:
        _thread.is_in_plugin_code = before


@contextmanager
def diagnosis() -> Iterator[None]:
    """Marks what this thread does inside as the search for what is broken.

    A broken plugin is what it is to find, so it is no error, strict or not.
    """
    before = is_diagnosis()
    _thread.is_diagnosis = True
    try:
        yield
    finally:
        _thread.is_diagnosis = before


def is_diagnosis() -> bool:
    """Whether this thread is inside `diagnosis`."""
    return getattr(_thread, "is_diagnosis", False)


def refuse_plugin_code() -> None:
    """Refuses a question that a plugin asks while it is being loaded.

    Raises:
        PluginError: This thread is inside `plugin_code`.
    """
    if getattr(_thread, "is_in_plugin_code", False):
        raise PluginError(
            "A plugin must not ask for plugins or registries while they are being "
            "loaded. Use the `registry` that its hook is given, or ask when its "
            "builder is called."
        )
