"""What velora-core registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, Registry, hookimpl


@hookimpl
def velora_register_facts(registry: Registry[Entry]) -> None:
    """Registers the device that "auto" stands for."""
    registry.add(
        "device",
        "velora.utils.device:describe_auto",
        summary="what velora.utils.set_device chooses",
    )


@hookimpl
def velora_register_checks(registry: Registry[Entry]) -> None:
    """Registers the checks of commands and facts."""
    registry.add(
        "command",
        "velora.cli.command_check:check_command",
        summary="a click.Command with a name of its own",
    )
    registry.add(
        "fact",
        "velora.cli.facts:check_fact",
        summary="a function that returns one line of text",
    )
