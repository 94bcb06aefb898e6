"""`velora info`: what to send along with a report of what went wrong."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Iterator
from typing import Any

import click

from velora.cli.facts import told
from velora.cli.quiet import without_warnings
from velora.cli.streams import own_stdout
from velora.plugins import Entry, PluginInfo, facts, plugins
from velora.plugins.distribution import OURS, versions
from velora.plugins.failure import cause
from velora.plugins.loading import diagnosis

_BELOW = (
    "torch",
    "stable-baselines3",
    "sb3-contrib",
    "gymnasium",
    "ray",
    "numba",
    "numpy",
    "pluggy",
)


@click.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print plain JSON.")
@click.pass_context
def info_command(ctx: click.Context, as_json: bool) -> None:
    """Show versions, the device and plugins, for a report.

    Nothing leaves this machine.
    """
    # What a plugin prints, and may print later, must not end up in the JSON.
    is_last = as_json and getattr(ctx.find_root().command, "ends_process", False)
    with own_stdout(to_the_end=is_last) as stdout:
        with diagnosis(), without_warnings():
            found = plugins()
            document = {
                "packages": _packages(),
                "python": f"{platform.python_version()} "
                f"({platform.python_implementation()})",
                "platform": platform.platform(),
                "facts": [_fact(entry) for entry in facts().values()],
                "plugins": [dataclasses.asdict(info) for info in found],
            }
        if as_json and stdout is not None:
            print(json.dumps(document, indent=2), file=stdout, flush=True)
    if not as_json:
        rows = [*_rows(document), *(("plugin", _plugin(info)) for info in found)]
        width = max(len(label) for label, _ in rows)
        for label, text in rows:
            click.echo(f"{label:{width}}  {text}")


def _packages() -> dict[str, str | None]:
    """Returns the versions of ours, of what they need, and of what extends them.

    Those that are not installed are None, if they are ours or known here.
    """
    installed = {name: version or "unknown" for name, version in versions().items()}
    others = sorted(
        name
        for name in installed.keys() - OURS
        # PyPI's unrelated velora, of which something may be left, is one to know of.
        if name == "velora" or name.startswith("velora-")
    )
    return {name: installed.get(name) for name in (*OURS, *_BELOW, *others)}


def _fact(entry: Entry) -> dict[str, str | None]:
    """Tells a fact, or why it cannot be told."""
    row = {"name": entry.name, "distribution": entry.distribution}
    try:
        return {**row, "value": told(entry), "error": None}
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return {**row, "value": None, "error": cause(error)}


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields all but the plugins as labels and texts."""
    for name, version in document["packages"].items():
        yield name, version or "not installed"
    for name in ("python", "platform"):
        yield name, document[name]
    for fact in document["facts"]:
        yield fact["name"], fact["value"] or f"unknown: {fact['error']}"


def _plugin(info: PluginInfo) -> str:
    origin = f"{info.name} of {info.distribution or 'no distribution'}"
    origin += f" {info.version}" if info.version else ""
    return f"{origin} is {info.status}" + (f": {info.error}" if info.error else "")
