"""Exceptions of plugin code: which are caught, and how one is told in one line.

All are but a KeyboardInterrupt, which is the user's own:

    try:
        ...  # what a plugin has a hand in
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        ...  # `cause(error)` says what it was

Exception alone would not do. A module that calls `sys.exit` on import raises a
SystemExit, `pytest.importorskip` another BaseException.
"""

from __future__ import annotations

from velora.plugins.printable import class_name, one_line


def cause(error: BaseException) -> str:
    """Tells an exception in one printable line, such as "ValueError: bad table"."""
    told = message(error)
    return f"{class_name(error)}: {told}" if told else class_name(error)


def message(error: BaseException) -> str:
    """Tells the message of an exception in one printable line."""
    try:
        return one_line(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as second:
        return f"(its message cannot be shown, which raises {class_name(second)})"
