"""The `velora` command."""

from __future__ import annotations

import sys
from contextlib import suppress

# Where PyPI's unrelated velora shadows our namespace, `main` says so.
with suppress(ImportError):
    from velora.plugins.version import __version__ as __version__

__all__ = ["main"]


def main() -> None:
    """Runs the `velora` command; the console script calls this."""
    try:
        from velora.cli.group import velora
    except ImportError as error:
        sys.exit(f"Error: {error}")
    velora()
