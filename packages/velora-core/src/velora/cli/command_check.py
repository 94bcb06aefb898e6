"""The check of a registered command: can `velora` run it?"""

from __future__ import annotations

import click

from velora.cli.group import velora
from velora.plugins import Entry
from velora.plugins.testing import Report


def check_command(entry: Entry) -> None:
    """Checks that `velora` can run a registered command.

    Raises:
        CheckError: It cannot; the message lists every reason.
    """
    report = Report(f"command {entry.name}")
    if not isinstance(entry.build, click.Command):
        report.fail(
            "class",
            f"it must be a click.Command; got {entry.build!r}. Register what "
            "`click.command()` makes.",
        )
    if entry.name in velora.commands:
        report.fail(
            "name",
            f"`velora {entry.name}` is built in and hides it. Choose another name.",
        )
    report.raise_failures()
