"""The hooks, and the registries that they fill: how any plugin object registers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import pluggy

from velora.plugins import spec
from velora.plugins.entry import Entry
from velora.plugins.markers import PROJECT
from velora.plugins.registry import NetworkRegistry, Registry


class Catalog:
    """A plugin manager, and one registry for each of its register hooks.

    Args:
        specification: The module that holds the hook specifications.

    Attributes:
        manager: The plugin manager.
        registries: By the name of the hook that fills each,
            ``velora_register_networks`` and the like.
    """

    def __init__(self, specification: ModuleType | type = spec) -> None:
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(specification)
        self.registries: dict[str, Registry[Any]] = {
            "velora_register_wirings": Registry("wiring", Entry),
            "velora_register_networks": NetworkRegistry(),
            "velora_register_policies": Registry("policy", Entry),
            "velora_register_extractors": Registry("extractor", Entry),
            "velora_register_commands": Registry("command", Entry),
            "velora_register_checks": Registry("check", Entry),
        }

    def add(self, plugin: object, name: str) -> list[tuple[str, Entry]]:
        """Registers a plugin under a name, and what its hooks offer.

        Returns:
            The kind ("network") and the entry of everything, in order.

        Raises:
            BaseException: What pluggy finds wrong with the plugin, or what a hook
                raises. The manager then keeps the plugin.
        """
        self.manager.register(plugin, name=name)
        self.manager.check_pending()
        added = []
        for hook_name in self.registries:
            for hook in getattr(self.manager.hook, hook_name).get_hookimpls():
                if hook.plugin is plugin:
                    added += self.call(hook_name, hook)
        return added

    def call(self, name: str, hook: pluggy.HookImpl) -> list[tuple[str, Entry]]:
        """Calls a register hook of a plugin; returns what it added, see `add`."""
        registry = self.registries[name]
        before = dict(registry)
        # Every argument of a register hook is its registry: there is more than one
        # only while an old name of it is deprecated, see `velora.plugins.spec`.
        hook.function(*(registry for _ in hook.argnames))
        return [
            (registry.kind, entry)
            for entry in registry.values()
            if before.get(entry.name) is not entry
        ]

    @contextmanager
    def booked_to(
        self, distribution: str | None, entry_point: str | None = None
    ) -> Iterator[None]:
        """Books what is added inside to an entry point, or takes all of it back."""
        with ExitStack() as stack:
            for registry in self.registries.values():
                stack.enter_context(registry.booked_to(distribution, entry_point))
            yield


def module_of(plugin: object) -> str:
    """Names the module that a plugin is, or in which its class lies."""
    if isinstance(plugin, ModuleType):
        return plugin.__name__
    return (plugin if isinstance(plugin, type) else type(plugin)).__module__
