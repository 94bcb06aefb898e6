"""The `velora` command."""

from __future__ import annotations

import sys

import click

__all__ = ["main"]


def main() -> None:
    """Runs the `velora` command; the console script calls this."""
    try:
        from velora.cli.group import velora
    except ImportError as error:  # PyPI's unrelated velora shadows our namespace
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    velora()
