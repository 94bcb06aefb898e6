"""Who may ask while plugins are loaded: other threads wait, plugins are refused."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from velora.plugins.info import PluginError

_POLL = 0.1  # seconds between two looks at whom the loading thread waits for

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
        raise _error()


class LoadLock:
    """Held by the thread that loads the plugins; the others wait until it is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        """Wait for the lock.

        Raises:
            PluginError: The thread that loads waits in turn for this one to end.
        """
        while not self._lock.acquire(timeout=_POLL):
            if _is_joined_by(self._holder):
                raise _error()
        self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        """Let the next one in."""
        self._holder = None
        self._lock.release()


def _is_joined_by(ident: int | None) -> bool:
    """Tells whether a thread waits, for as long as it takes, for this one to end."""
    frame = sys._current_frames().get(ident or 0)
    while frame is not None:
        if frame.f_code is threading.Thread.join.__code__:
            local = frame.f_locals
            return local["self"] is threading.current_thread() and not local["timeout"]
        frame = frame.f_back
    return False


def _error() -> PluginError:
    return PluginError(
        "A plugin must not ask for plugins or registries while they are being loaded. "
        "Use the `registry` that its hook is given, or ask when its builder is called."
    )
