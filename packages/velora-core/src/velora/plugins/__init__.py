"""Plugins: hooks to implement, registries to ask, and the host between them.

Importing this loads no plugin; the first question to a registry does.
"""

import sys
from collections.abc import Callable
from typing import Any

import pluggy

from velora.plugins.api import API_VERSION, require_api
from velora.plugins.host import PluginHost
from velora.plugins.info import PluginError, PluginInfo
from velora.plugins.markers import hookimpl, hookspec
from velora.plugins.registry import Entry, NetworkEntry, NetworkRegistry, Registry

__all__ = [
    "API_VERSION",
    "Entry",
    "NetworkEntry",
    "NetworkRegistry",
    "PluginError",
    "PluginInfo",
    "Registry",
    "checks",
    "commands",
    "extractors",
    "hookimpl",
    "hookspec",
    "manager",
    "networks",
    "plugins",
    "policies",
    "require_api",
    "resolve_device",
    "wirings",
]

if getattr(sys.modules["velora"], "__file__", None) is not None:
    raise ImportError(
        "The unrelated distribution `velora` from PyPI is installed beside the "
        "velora-* packages, and its regular package `velora` shadows their namespace. "
        "Fix: pip uninstall velora, then reinstall what it overwrote: pip install "
        "--force-reinstall --no-deps velora-core velora-wiring velora-lnn velora-sb3"
    )

_host = PluginHost()


def manager() -> pluggy.PluginManager:
    """Returns the only plugin manager, with every working plugin registered."""
    return _host.manager()


def plugins() -> list[PluginInfo]:
    """Returns every plugin that was found and what became of it."""
    return _host.plugins()


def wirings() -> Registry[Entry]:
    """Returns the wirings by name."""
    return _host.registry("wirings")


def networks() -> NetworkRegistry:
    """Returns the networks by name."""
    registry: Any = _host.registry("networks")
    return registry  # type: ignore[no-any-return]  # it is made as a NetworkRegistry


def policies() -> Registry[Entry]:
    """Returns the policies by name, such as "ppo.NCPPolicy"."""
    return _host.registry("policies")


def extractors() -> Registry[Entry]:
    """Returns the features extractors by name."""
    return _host.registry("extractors")


def commands() -> Registry[Entry]:
    """Returns the commands that plugins add to `velora`, by name."""
    return _host.registry("commands")


def checks() -> Registry[Entry]:
    """Returns the checks by the kind of entry that they check, such as "network"."""
    return _host.registry("checks")


def resolve_device(
    device: str, convert: Callable[[Any], Any] = lambda answer: answer
) -> Any:
    """Asks the plugins for a device; returns the first answer that is not None.

    Args:
        device: The device that was asked for.
        convert: Makes a device of an answer; a plugin whose answer it refuses by
            raising is skipped with a warning.
    """
    return _host.resolve_device(device, convert)
