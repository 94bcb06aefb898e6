"""What velora-report registers, through the hooks that any plugin uses.

It lies beside `velora.report`, since to import a module inside that package imports
PyTorch, and plugins are loaded for any question to a registry.
"""

from velora.plugins import Entry, Registry, hookimpl


@hookimpl
def velora_register_commands(registry: Registry[Entry]) -> None:
    """Registers `velora report`."""
    registry.add(
        "report",
        "velora.report_plugin.command:report_command",
        summary="show an agent in one file for the browser",
    )
