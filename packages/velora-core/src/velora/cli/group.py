"""The group of commands: our own and those that plugins add."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import click

from velora.cli.info import info_command
from velora.cli.new import plugin_group
from velora.cli.quiet import without_warnings
from velora.cli.status import plugins_group
from velora.cli.streams import own_streams
from velora.plugins import Entry, PluginError, __version__, commands, plugins
from velora.plugins.failure import cause
from velora.plugins.printable import one_line, shown

_ADDED = f"{__name__}.added"


class PluginGroup(click.Group):
    """A group whose further commands come from the registry of commands.

    Our own commands go before those of plugins, which are asked for only when a
    command is none of ours.

    Attributes:
        ends_process: Whether the process ends with the command, as `main` says.
    """

    ends_process = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns our own names, then those of plugins."""
        own = super().list_commands(ctx)
        return [*own, *sorted(_added(ctx).keys() - own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of a name, or None."""
        if own := super().get_command(ctx, cmd_name):
            return own
        entry = _added(ctx).get(cmd_name)
        return None if entry is None else _command(entry)


def _added(ctx: click.Context) -> Mapping[str, Entry]:
    """Returns the commands of plugins, which are loaded once in a run."""
    if _ADDED not in ctx.meta:
        ctx.meta[_ADDED] = _load()
    added: Mapping[str, Entry] = ctx.meta[_ADDED]
    return added


def _load() -> Mapping[str, Entry]:
    """Returns what plugins register; says how many plugins are broken."""
    try:
        with own_streams(), without_warnings():
            added = commands()
    except PluginError as error:
        raise click.ClickException(str(error)) from error
    if broken := sum(info.status == "broken" for info in plugins()):
        what = "1 plugin is" if broken == 1 else f"{broken} plugins are"
        click.echo(f"{what} broken; `velora plugins` says why.", err=True)
    return added


def _command(entry: Entry) -> click.Command | None:
    """Returns a command that click can run, or says why there is none."""
    try:
        with own_streams():
            build: Any = entry.build
            if issubclass(type(build), click.Command):
                return _prepared(build, entry.summary)
        problem = f"it must be a click.Command; got {shown(build)}."
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        click.echo(str(error), err=True)
        return None
    except BaseException as error:
        problem = cause(error)
    click.echo(
        f"The command {entry.name!r} of {entry.distribution} is left out: {problem}",
        err=True,
    )
    return None


def _prepared(build: click.Command, summary: str) -> click.Command:
    """Returns a copy of a plugin's command whose line in our help can be printed.

    Raises:
        BaseException: Whatever a class of the plugin does instead.
    """
    command = copy.copy(build)  # which stays the plugin's own
    if not (command.help or command.short_help):
        command.help = one_line(summary)
    line: Any = "" if command.hidden else command.get_short_help_str()
    if not line.isprintable():
        command.short_help = one_line(command.get_short_help_str(1000))
    return command


@click.group(cls=PluginGroup)
@click.version_option(__version__, prog_name="velora")
def velora() -> None:
    """Liquid and sparse networks for reinforcement learning."""


velora.add_command(info_command)
velora.add_command(plugins_group)
velora.add_command(plugin_group)
