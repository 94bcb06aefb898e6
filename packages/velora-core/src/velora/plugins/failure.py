"""Exceptions of plugin code: which are caught, and how one is told in one line."""

from __future__ import annotations

FAILURES = (Exception, SystemExit)
"""What a plugin may raise without taking the host down.

SystemExit is what a module that calls `sys.exit` on import raises. A KeyboardInterrupt
is the user's own.
"""


def cause(error: BaseException) -> str:
    """Tells an exception in one line, such as "ValueError: bad table"."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
