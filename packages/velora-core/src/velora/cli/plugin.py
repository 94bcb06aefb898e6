"""What velora-core registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, Registry, hookimpl


@hookimpl
def velora_register_checks(registry: Registry[Entry]) -> None:
    """Registers the check of commands."""
    registry.add(
        "command",
        "velora.cli.command_check:check_command",
        summary="a click.Command with a name of its own",
    )
