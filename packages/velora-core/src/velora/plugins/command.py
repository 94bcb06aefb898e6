"""What a registered command must be, for `velora` to run it."""

from __future__ import annotations

import sys
from typing import Any

from velora.plugins.registry import Entry
from velora.plugins.report import Report

BUILT_IN = ("plugin", "plugins")
"""The commands of `velora` itself, which hide a plugin's of the same name."""


def check_command(entry: Entry) -> None:
    """Checks that `velora` can run a registered command.

    Raises:
        CheckError: It cannot; the message lists every reason.
    """
    report = Report(f"command {entry.name}")
    # Whoever made a command has imported click; asking for it here would make all of
    # `velora.plugins` depend on it.
    click: Any = sys.modules.get("click")
    if click is None or not isinstance(entry.build, click.Command):
        report.fail(
            "class",
            f"it must be a click.Command; got {entry.build!r}. Register what "
            "`click.command()` makes.",
        )
    if entry.name in BUILT_IN:
        report.fail(
            "name",
            f"`velora {entry.name}` is built in and hides it. Choose another name.",
        )
    report.raise_failures()
