"""What plugins must not do while they are loaded: ask for plugins."""

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
