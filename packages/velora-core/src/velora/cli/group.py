"""The group of commands: our own and those that plugins add."""

from __future__ import annotations

import click

from velora.cli.plugins import plugins_command
from velora.plugins import PluginError, commands


class PluginGroup(click.Group):
    """A group whose further commands come from the registry of commands.

    Our own commands go before those of plugins, which are asked for only when a
    command is none of ours.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns our own names, then those of plugins."""
        try:
            return [*super().list_commands(ctx), *sorted(commands())]
        except PluginError as error:
            raise click.ClickException(str(error)) from error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of a name, or None."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        try:
            entry = commands().get(cmd_name)
        except PluginError as error:
            raise click.ClickException(str(error)) from error
        return None if entry is None else entry.build  # type: ignore[return-value]


@click.group(cls=PluginGroup)
@click.version_option(package_name="velora-core", prog_name="velora")
def velora() -> None:
    """Liquid and sparse networks for reinforcement learning."""


velora.add_command(plugins_command)
