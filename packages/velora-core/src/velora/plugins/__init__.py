"""Plugins: hooks to implement, registries to ask, and the host between them.

Importing this loads no plugin; the first question to a registry does.
"""

from velora.plugins.api import API_VERSION, require_api
from velora.plugins.entry import Entry, NetworkEntry
from velora.plugins.info import PluginError, PluginInfo
from velora.plugins.markers import hookimpl, hookspec
from velora.plugins.process import (
    checks,
    commands,
    extractors,
    facts,
    manager,
    networks,
    plugins,
    policies,
    resolve_device,
    wirings,
)
from velora.plugins.registry import NetworkRegistry, Registry
from velora.plugins.version import __version__

__all__ = [
    "API_VERSION",
    "Entry",
    "NetworkEntry",
    "NetworkRegistry",
    "PluginError",
    "PluginInfo",
    "Registry",
    "__version__",
    "checks",
    "commands",
    "extractors",
    "facts",
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
