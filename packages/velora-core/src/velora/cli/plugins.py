"""`velora plugins`: what was found, what works, and what broke the rest."""

from __future__ import annotations

import dataclasses
import json
import warnings

import click
from rich.console import Console
from rich.table import Table

from velora.plugins import PluginError, PluginInfo, plugins

_COLORS = {"active": "green", "disabled": "yellow", "broken": "red"}


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print plain JSON.")
def plugins_command(as_json: bool) -> None:
    """Show every plugin; exit with 1 if one is broken."""
    with warnings.catch_warnings():
        # What the warnings say is in the table.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            infos = plugins()
        except PluginError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(info) for info in infos], indent=2))
    else:
        Console().print(_table(infos))
    if any(info.status == "broken" for info in infos):
        raise SystemExit(1)


def _table(infos: list[PluginInfo]) -> Table:
    table = Table("name", "distribution", "version", "status", "provides", "cause")
    for info in infos:
        color = _COLORS[info.status]
        table.add_row(
            info.name,
            info.distribution,
            info.version,
            f"[{color}]{info.status}[/{color}]",
            "\n".join(info.provides),
            info.error,
        )
    return table
