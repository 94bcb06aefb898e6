"""`velora plugins`: what was found, what works, and what broke the rest."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from importlib.util import find_spec

import click
from rich.console import Console
from rich.text import Text

from velora.cli.quiet import without_warnings
from velora.cli.streams import own_stdout, own_streams
from velora.plugins import PluginInfo, plugins
from velora.plugins.distribution import installed, is_called
from velora.plugins.failure import cause
from velora.plugins.loading import diagnosis
from velora.plugins.printable import one_line
from velora.plugins.testing import CheckError, check_plugin

_COLORS = {"active": "green", "disabled": "yellow", "broken": "red"}
_CHECKED_BY = {
    "command": "velora-core",
    "fact": "velora-core",
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
        if as_json:
            raise click.UsageError(
                f"--json is for the list of plugins, and `{ctx.invoked_subcommand}` "
                "prints none. Leave it out."
            )
        return
    # What a plugin prints, and may print later, must not end up in the JSON.
    is_last = as_json and getattr(ctx.find_root().command, "ends_process", False)
    with own_stdout(to_the_end=is_last) as stdout:
        with diagnosis(), without_warnings():
            infos = plugins()
        if as_json and stdout is not None:
            rows = [dataclasses.asdict(info) for info in infos]
            print(json.dumps(rows, indent=2), file=stdout, flush=True)
    if not as_json:
        console = _console()
        for info in infos:
            _show(info, console)
        if not infos:
            console.print("No plugin is installed.")
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
            with own_streams(), diagnosis(), without_warnings():
                result = check_plugin(path)
        except CheckError as error:
            console.print(str(error))
            failed = True
            continue
        console.print(f"{one_line(path)} is right.")
        for what in ("its hooks", *result.checked):
            console.print(f"- checked: {what}")
        for what in result.unchecked:
            other = _CHECKED_BY.get(what.partition(" ")[0])
            hint = f", {other} could" if other else ""
            console.print(f"- not checked: {what}; no plugin here can{hint}")
    if failed:
        raise SystemExit(1)


def _paths(name: str) -> list[str]:
    """Returns the import path of each plugin that a name stands for."""
    found = installed()
    called = [each for each in found if is_called(each, name)]
    for each in called:
        if each.fault is not None:
            raise click.ClickException(f"{each} cannot be read: {cause(each.fault)}")
    if called:
        return list(dict.fromkeys(each.value for each in called))
    if _is_importable(re.split(r"[.:]", name)[0]):
        return [name]
    names = {name for each in found for name in (each.shown_name, each.distribution)}
    raise click.BadParameter(
        f"no plugin and no module that Python finds is called {name!r}. Known: "
        f"{', '.join(sorted(filter(None, names))) or 'none'}.",
        param_hint="NAME",
    )


def _is_importable(package: str) -> bool:
    try:
        return bool(package) and find_spec(package) is not None
    except Exception:  # as of `__main__`, which is there but was never imported
        return False


def _console() -> Console:
    # Square brackets and colons in a cause are neither markup nor emoji.
    return Console(markup=False, emoji=False, highlight=False)


def _show(info: PluginInfo, console: Console) -> None:
    """Prints what became of a plugin, and what it provides: a line for each kind."""
    origin = info.distribution or "no distribution"
    origin += f" {info.version}" if info.version else ""
    status = Text(info.status, style=_COLORS[info.status])
    error = "" if info.error is None else f": {info.error}"
    console.print(Text.assemble(f"{info.name} of {origin} is ", status, error))
    kinds: dict[str, list[str]] = {}
    for what in info.provides:
        kind, _, name = what.partition(" ")
        kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        lines = textwrap.wrap(
            f"{kind}: {', '.join(names)}",
            console.width,
            initial_indent="    ",
            subsequent_indent="        ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        console.print("\n".join(lines), soft_wrap=True)
