"""A table for whoever looks, and JSON beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

json_option = click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here too.",
)


WIDE = 250  # where no terminal says how wide it is: a file, or another program


def readable(value: Any) -> str:
    """Returns a number with three digits, or with all before the point."""
    if isinstance(value, float) and abs(value) < 999.5:
        return f"{value:#.3g}".rstrip(".")
    if isinstance(value, float):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show(
    rows: Sequence[dict[str, Any]], title: str = "", section: str | None = None
) -> None:
    """Prints rows, if any, with a line wherever the column `section` changes."""
    if not rows:
        return
    table = Table(*rows[0], title=title)
    for row, after in zip(rows, [*rows[1:], {}], strict=True):
        ends = section is not None and row[section] != after.get(section)
        table.add_row(*map(readable, row.values()), end_section=ends)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(table)


def write_json(path: Path | None, data: Any) -> None:
    """Writes a file, if there is one to write, whole or not at all."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # no other process's
    try:
        part.write_text(json.dumps(data, indent=2), "utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
