"""`velora plugins`: what was found, what works, and what broke the rest."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import warnings

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from velora.plugins import PluginError, PluginInfo, plugins

_COLORS = {"active": "green", "disabled": "yellow", "broken": "red"}


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print plain JSON.")
def plugins_command(as_json: bool) -> None:
    """Show every plugin; exit with 1 if one is broken."""
    # What a plugin prints while it is loaded must not end up in the JSON, and what
    # the warnings of broken plugins say is shown below.
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Plugin .* is broken", RuntimeWarning)
        try:
            infos = plugins()
        except PluginError as error:
            raise click.ClickException(str(error)) from error
    broken = [info for info in infos if info.status == "broken"]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(info) for info in infos], indent=2))
    else:
        # Square brackets and colons in a cause are neither markup nor emoji.
        console = Console(markup=False, emoji=False, highlight=False)
        console.print(_table(infos))
        for info in broken:
            origin = info.distribution or "no distribution"
            console.print(f"{info.name} of {origin} is broken: {info.error}")
    if broken:
        raise SystemExit(1)


def _table(infos: list[PluginInfo]) -> Table:
    table = Table()
    for header in ("name", "distribution", "version", "status", "provides"):
        table.add_column(header, overflow="fold")
    for info in infos:
        table.add_row(
            info.name,
            info.distribution,
            info.version,
            Text(info.status, style=_COLORS[info.status]),
            "\n".join(info.provides),
        )
    return table
