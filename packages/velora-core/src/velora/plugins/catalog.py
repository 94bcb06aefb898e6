"""The hooks, and the registries that they fill: how any plugin object registers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import pluggy

from velora.plugins import spec
from velora.plugins.entry import Entry
from velora.plugins.hook import fault_of_hook, fault_of_result
from velora.plugins.identity import hooks_of
from velora.plugins.info import PluginError
from velora.plugins.markers import PROJECT
from velora.plugins.registry import NetworkRegistry, Registry


class Added(NamedTuple):
    """What a hook added to a registry.

    Attributes:
        kind: What the entry is, such as "network".
        entry: The entry.
        before: The entry that had its name, None where none had.
    """

    kind: str
    entry: Entry
    before: Entry | None


class _QuietManager(pluggy.PluginManager):
    """A manager that leaves the warnings of deprecated hooks to the trial."""

    def parse_hookspec_opts(
        self, module_or_class: Any, name: str
    ) -> pluggy.HookspecOpts | None:
        """Return the options of a specification, without warnings."""
        options = super().parse_hookspec_opts(module_or_class, name)
        if options is not None:
            options = {**options, "warn_on_impl": None, "warn_on_impl_args": None}
        return options


class Catalog:
    """A plugin manager, and one registry for each of its register hooks.

    Args:
        specification: The module that holds the hook specifications.

    Attributes:
        manager: The plugin manager.
        registries: By the name of the hook that fills each,
            ``velora_register_networks`` and the like.
        modules: By the name of each plugin, the module in which it lies.
    """

    def __init__(self, specification: ModuleType | type = spec) -> None:
        self._specification = specification
        self.manager: pluggy.PluginManager = _QuietManager(PROJECT)
        self.manager.add_hookspecs(specification)
        self.modules: dict[str, str] = {}
        self._plugins: dict[str, object] = {}
        self.registries: dict[str, Registry[Any]] = {
            "velora_register_wirings": Registry("wiring", Entry),
            "velora_register_networks": NetworkRegistry(),
            "velora_register_policies": Registry("policy", Entry),
            "velora_register_extractors": Registry("extractor", Entry),
            "velora_register_commands": Registry("command", Entry),
            "velora_register_facts": Registry("fact", Entry),
            "velora_register_checks": Registry("check", Entry),
        }

    def add(self, plugin: object, name: str) -> list[Added]:
        """Registers a plugin under a name, and what its hooks offer.

        Returns:
            What the hooks added, in order.

        Raises:
            PluginError: It holds no hooks, is here already, or a hook would do nothing.
            BaseException: What pluggy finds wrong with the plugin, or what a hook
                raises. The manager then has nothing of the plugin; see `booked_to` for
                the registries.
        """
        self._refuse(plugin)
        module = module_of(plugin)
        trial = self.tried(plugin, name)
        self._refuse_idle(trial)
        added: list[Added] = []
        for hook_name in self.registries:
            for hook in getattr(trial.hook, hook_name).get_hookimpls():
                added += self.call(hook_name, hook)
        (hooks,) = trial.get_plugins()
        self.manager.register(hooks, name=name)
        self.modules[name] = module
        self._plugins[name] = plugin
        return added

    def tried(self, plugin: object, name: str) -> pluggy.PluginManager:
        """Registers a plugin with a manager of its own, which tells what it implements.

        pluggy keeps some of what it took before it found a fault, and would find that
        with every plugin that comes later.

        Raises:
            BaseException: What pluggy finds wrong with the plugin.
        """
        trial = pluggy.PluginManager(PROJECT)
        trial.add_hookspecs(self._specification)
        trial.register(hooks_of(plugin, trial), name=name)
        trial.check_pending()
        return trial

    def call(self, name: str, hook: pluggy.HookImpl) -> list[Added]:
        """Calls a register hook of a plugin; returns what it added.

        Raises:
            PluginError: It returned what nobody runs.
            BaseException: What it raises.
        """
        registry = self.registries[name]
        before = dict(registry)
        # Every argument of a register hook is its registry: there is more than one
        # only while an old name of it is deprecated, see `velora.plugins.spec`.
        result = hook.function(*(registry for _ in hook.argnames))
        if fault := fault_of_result(result):
            raise PluginError(f"the hook `{name}`: {fault}")
        return [
            Added(registry.kind, entry, before.get(entry.name))
            for entry in registry.values()
            if before.get(entry.name) is not entry
        ]

    def _refuse(self, plugin: object) -> None:
        if plugin is None:
            raise PluginError("the entry point names None, which holds no hooks")
        for name, other in self._plugins.items():
            if other is plugin:
                raise PluginError(f"the entry point names the same object as {name}")

    def _refuse_idle(self, trial: pluggy.PluginManager) -> None:
        for name, caller in vars(trial.hook).items():
            for hook in caller.get_hookimpls() if caller.has_spec() else ():
                # A wrapper is a generator, and of a device none is called.
                is_wrapper = hook.wrapper or hook.hookwrapper
                is_called = name in self.registries or not is_wrapper
                if is_called and (fault := fault_of_hook(hook)):
                    raise PluginError(f"the hook `{name}`: {fault}")

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
    kind = type(plugin)  # which is what it is, where `isinstance` believes the object
    if issubclass(kind, ModuleType):
        return str(vars(plugin).get("__name__"))
    return str((plugin if issubclass(kind, type) else kind).__module__)
