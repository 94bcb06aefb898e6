"""The `velora` command."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import TextIOWrapper

# Where PyPI's unrelated velora shadows our namespace, `main` says so.
with suppress(ImportError):
    from velora.plugins.version import __version__ as __version__

__all__ = ["main"]


def main() -> None:
    """Runs the `velora` command, then ends the process; what the script calls."""
    try:
        from velora.cli.group import velora
    except ImportError as error:
        sys.exit(f"Error: {error}")
    # For terminals of few characters.
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    velora.ends_process = True
    velora()
