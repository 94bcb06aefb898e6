"""The `velora` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the `velora` command; the console script calls this."""
    try:
        from velora.cli.group import velora
    except ImportError as error:  # PyPI's unrelated velora shadows our namespace
        sys.exit(f"Error: {error}")
    velora()
