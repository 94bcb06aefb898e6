"""Facts: one line each of what is so here, as `velora info` tells it."""

from __future__ import annotations

from typing import Any

from velora.plugins import Entry
from velora.plugins.hook import fault_of_result
from velora.plugins.printable import one_line, shown
from velora.plugins.testing import Report


def told(entry: Entry) -> str:
    """Returns what a fact says, in one printable line.

    Raises:
        TypeError: It says nothing that can be shown.
        BaseException: Whatever its plugin raises.
    """
    text: Any = entry.build()
    if fault := fault_of_result(text):
        raise TypeError(fault)
    line = one_line(text) if issubclass(type(text), str) else ""
    if not line:
        raise TypeError(f"a fact must return one line of text; got {shown(text)}")
    return line


def check_fact(entry: Entry) -> None:
    """Checks that `velora info` can tell a registered fact.

    Raises:
        CheckError: It cannot; the message says why.
    """
    report = Report(f"fact {entry.name}")
    with report.rule("text"):
        told(entry)
    report.raise_failures()
