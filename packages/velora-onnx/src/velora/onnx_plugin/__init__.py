"""What velora-onnx registers, through the hooks that any plugin uses.

It lies beside `velora.onnx`, since to import a module inside that package imports
onnxruntime, and plugins are loaded for any question to a registry.
"""

from velora.plugins import Entry, Registry, hookimpl


@hookimpl
def velora_register_commands(registry: Registry[Entry]) -> None:
    """Registers `velora export`."""
    registry.add(
        "export",
        "velora.onnx_plugin.command:export_command",
        summary="write an agent or a network into an ONNX file",
    )
