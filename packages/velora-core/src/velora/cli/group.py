"""The group of commands: our own and those that plugins add."""

from __future__ import annotations

import warnings

import click

from velora.cli.plugin import plugin_group
from velora.cli.plugins import plugins_group
from velora.plugins import PluginError, commands


class PluginGroup(click.Group):
    """A group whose further commands come from the registry of commands.

    Our own commands go before those of plugins, which are asked for only when a
    command is none of ours.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns our own names, then those of plugins."""
        own = super().list_commands(ctx)
        return [*own, *sorted(_added().keys() - own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of a name, or None."""
        own = super().get_command(ctx, cmd_name)
        return _added().get(cmd_name) if own is None else own


def _added() -> dict[str, click.Command]:
    """Returns the commands of plugins, without those that click cannot run."""
    try:
        entries = commands().values()
    except PluginError as error:
        raise click.ClickException(str(error)) from error
    added = {}
    for entry in entries:
        if isinstance(entry.build, click.Command):
            added[entry.name] = entry.build
        else:
            warnings.warn(
                f"The command {entry.name!r} of {entry.distribution} is left out: it "
                f"must be a click.Command; got {entry.build!r}.",
                RuntimeWarning,
                stacklevel=2,
            )
    return added


@click.group(cls=PluginGroup)
@click.version_option(package_name="velora-core", prog_name="velora")
def velora() -> None:
    """Liquid and sparse networks for reinforcement learning."""


velora.add_command(plugins_group)
velora.add_command(plugin_group)
