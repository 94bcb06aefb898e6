"""Identity of plugins: pluggy asks for equality, which an object may lie about."""

from __future__ import annotations

import inspect
from types import ModuleType

import pluggy

from velora.plugins.markers import hookimpl

_ASKED = ("__eq__", "__hash__", "__bool__", "__len__")


def hooks_of(plugin: object, manager: pluggy.PluginManager) -> object:
    """Returns what holds the hooks of a plugin and equals nothing but itself.

    That is the plugin, unless its class says for itself what equals it, as a dataclass
    does: pluggy would take two such objects for one, or ask the one for its hash while
    it looks for another.

    Args:
        plugin: The module or object that holds the hooks.
        manager: Knows which of the attributes are hooks.
    """
    kind = type(plugin)
    if all(_static(kind, name) is _static(object, name) for name in _ASKED):
        return plugin
    holder = ModuleType(kind.__name__)
    for name in dir(plugin):
        if (options := manager.parse_hookimpl_opts(plugin, name)) is not None:
            hook = getattr(plugin, name)
            # Which a staticmethod that is marked itself does not hand on.
            hookimpl(**options)(getattr(hook, "__func__", hook))
            setattr(holder, name, hook)
    return holder


def _static(kind: type, name: str) -> object:
    return inspect.getattr_static(kind, name, None)
