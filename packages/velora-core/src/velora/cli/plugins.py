"""`velora plugins`: what was found, what works, and what broke the rest."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from velora.plugins import PluginError, PluginInfo, plugins
from velora.plugins.host import distribution_of, installed
from velora.plugins.testing import CheckError, check_plugin

_COLORS = {"active": "green", "disabled": "yellow", "broken": "red"}
_CHECKED_BY = {
    "network": "velora-lnn",
    "wiring": "velora-lnn",
    "policy": "velora-sb3",
    "extractor": "velora-sb3",
}


@click.group("plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print plain JSON.")
@click.pass_context
def plugins_group(ctx: click.Context, as_json: bool) -> None:
    """Show every plugin; exit with 1 if one is broken."""
    if ctx.invoked_subcommand is not None:
        return
    # What a plugin prints while it is loaded must not end up in the JSON.
    with contextlib.redirect_stdout(sys.stderr), _without_warnings():
        try:
            infos = plugins()
        except PluginError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(info) for info in infos], indent=2))
    else:
        console = _console()
        console.print(_table(infos))
        for info in infos:
            if info.error is not None:
                origin = info.distribution or "no distribution"
                console.print(f"{info.name} of {origin} is {info.status}: {info.error}")
    if any(info.status == "broken" for info in infos):
        raise SystemExit(1)


@plugins_group.command("check")
@click.argument("name")
def check_command(name: str) -> None:
    """Check a plugin; exit with 1 if something about it is wrong.

    NAME is the entry point or the distribution of an installed plugin, or what an entry
    point would name: package.module or package.module:attribute.
    """
    console = _console()
    failed = False
    for path in _paths(name):
        try:
            with _without_warnings():
                checked = check_plugin(path)
        except CheckError as error:
            console.print(str(error))
            failed = True
            continue
        console.print(f"{path} is right.")
        for what in ("its hooks", *checked):
            console.print(f"- checked: {what}")
        for what in checked.unchecked:
            other = _CHECKED_BY.get(what.partition(" ")[0])
            hint = f", {other} could" if other else ""
            console.print(f"- not checked: {what}; no plugin here can{hint}")
    if failed:
        raise SystemExit(1)


def _paths(name: str) -> list[str]:
    """Returns the import path of each plugin that a name stands for."""
    known = set()
    paths = []
    for entry in installed():
        distribution = distribution_of(entry) or ""
        known |= {entry.name, distribution} - {""}
        if name == entry.name or _normalized(name) == _normalized(distribution):
            paths.append(entry.value)
    if paths:
        return list(dict.fromkeys(paths))
    package = re.split(r"[.:]", name)[0]
    if package and find_spec(package) is not None:
        return [name]
    raise click.BadParameter(
        f"no plugin and no module that Python finds is called {name!r}. Known: "
        f"{', '.join(sorted(known)) or 'none'}.",
        param_hint="NAME",
    )


def _normalized(distribution: str) -> str:
    """Spells the name of a distribution in the one way that package indexes do."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _console() -> Console:
    # Square brackets and colons in a cause are neither markup nor emoji.
    return Console(markup=False, emoji=False, highlight=False)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Hides the warnings of broken plugins, which a command shows in its own way."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Plugin .* is broken", RuntimeWarning)
        yield


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
