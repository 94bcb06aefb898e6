"""The group of commands: our own and those that plugins add."""

from __future__ import annotations

import copy

import click

from velora.cli.loading import without_warnings
from velora.cli.plugin import plugin_group
from velora.cli.plugins import plugins_group
from velora.plugins import PluginError, commands, plugins

_ADDED = f"{__name__}.added"


class PluginGroup(click.Group):
    """A group whose further commands come from the registry of commands.

    Our own commands go before those of plugins, which are asked for only when a
    command is none of ours.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns our own names, then those of plugins."""
        own = super().list_commands(ctx)
        return [*own, *sorted(_added(ctx).keys() - own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of a name, or None."""
        own = super().get_command(ctx, cmd_name)
        return _added(ctx).get(cmd_name) if own is None else own


def _added(ctx: click.Context) -> dict[str, click.Command]:
    """Returns the commands of plugins, which are loaded once in a run."""
    added: dict[str, click.Command] | None = ctx.meta.get(_ADDED)
    if added is None:
        added = ctx.meta[_ADDED] = _load()
    return added


def _load() -> dict[str, click.Command]:
    """Returns the commands that click can run; says how many plugins are broken."""
    try:
        with without_warnings():
            entries = commands().values()
    except PluginError as error:
        raise click.ClickException(str(error)) from error
    if broken := sum(info.status == "broken" for info in plugins()):
        what = "1 plugin is" if broken == 1 else f"{broken} plugins are"
        click.echo(f"{what} broken; `velora plugins` says why.", err=True)
    added = {}
    for entry in entries:
        if isinstance(entry.build, click.Command):
            command = copy.copy(entry.build)  # which stays the plugin's own
            if not (command.help or command.short_help):
                command.help = entry.summary
            added[entry.name] = command
        else:
            click.echo(
                f"The command {entry.name!r} of {entry.distribution} is left out: it "
                f"must be a click.Command; got {entry.build!r}.",
                err=True,
            )
    return added


@click.group(cls=PluginGroup)
@click.version_option(package_name="velora-core", prog_name="velora")
def velora() -> None:
    """Liquid and sparse networks for reinforcement learning."""


velora.add_command(plugins_group)
velora.add_command(plugin_group)
