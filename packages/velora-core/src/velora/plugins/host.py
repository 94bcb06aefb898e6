"""The host: finds plugins, loads each by itself, and keeps what they register."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pluggy

from velora.plugins import spec
from velora.plugins.catalog import Catalog, module_of
from velora.plugins.distribution import (
    distribution_of,
    installed,
    is_called,
    metadata_of,
    order,
)
from velora.plugins.environment_variables import DISABLE, disabled, is_strict, problems
from velora.plugins.failure import FAILURES, cause
from velora.plugins.info import PluginError, PluginInfo
from velora.plugins.loading import is_diagnosis, plugin_code, refuse_plugin_code
from velora.plugins.registry import Registry


class PluginHost:
    """Loads plugins on the first question and answers from their registries.

    Loading is lazy, happens once whichever thread asks first, and isolates plugins
    from each other: one that fails leaves nothing behind and is reported.

    Args:
        find: gives the entry points to load; called at the first question.
        specification: the module that holds the hook specifications.
    """

    def __init__(
        self,
        find: Callable[[], Iterable[EntryPoint]] = installed,
        specification: ModuleType | type = spec,
    ) -> None:
        self._find = find
        self._catalog = Catalog(specification)
        self._infos: dict[str, PluginInfo] = {}
        self._lock = threading.Lock()  # whom it keeps waiting gets all plugins
        self._loaded = False

    def catalog(self) -> Catalog:
        """Returns the hooks and registries, filled by every working plugin."""
        self._load()
        return self._catalog

    def manager(self) -> pluggy.PluginManager:
        """Returns the plugin manager, with every working plugin registered."""
        self._load()
        return self._catalog.manager

    def plugins(self) -> list[PluginInfo]:
        """Returns what became of each entry point."""
        self._load()
        return list(self._infos.values())

    def registry(self, name: str) -> Registry[Any]:
        """Returns a registry ("networks", ...), filled by every working plugin."""
        self._load()
        return self._catalog.registries[f"velora_register_{name}"]

    def distributions(self, module: str) -> set[str | None]:
        """Names the distributions whose working plugins lie in a module."""
        manager = self.manager()
        plugins = {key: manager.get_plugin(key) for key in self._infos}
        return {
            self._infos[key].distribution
            for key, plugin in plugins.items()
            if module_of(plugin) == module
        }

    def resolve_device(self, device: str, convert: Callable[[Any], Any]) -> Any:
        """Asks `velora_resolve_device`; returns the first answer that is not None.

        Args:
            device: the device that was asked for.
            convert: makes a device of an answer; raises where it is none.

        Raises:
            PluginError: a plugin failed to answer and plugins are strict.
        """
        caller = self.manager().hook.velora_resolve_device
        for hook in reversed(caller.get_hookimpls()):
            if hook.wrapper or hook.hookwrapper:
                continue
            try:
                answer = hook.function(*([device] if "device" in hook.argnames else []))
                if answer is not None:
                    return convert(answer)
            except FAILURES as error:
                _report(f"Plugin {hook.plugin_name} could not resolve a device", error)
        return None

    def _load(self) -> None:
        refuse_plugin_code()
        if self._loaded:
            return
        with self._lock, plugin_code():
            if self._loaded:
                return
            try:
                with self._catalog.booked_to(None):
                    self._load_all()
            except BaseException:
                # A second question must find what the first one found.
                self._infos.clear()
                manager = self._catalog.manager
                for name, _ in manager.list_name_plugin():
                    manager.unregister(name=name)
                raise
            self._loaded = True

    def _load_all(self) -> None:
        # Metadata may declare an entry point twice; it is one plugin all the same.
        unique = {_key(entry): entry for entry in self._find()}.values()
        found = sorted(unique, key=order)
        names = disabled()
        unknown = {n for n in names if not any(is_called(e, n) for e in found)}
        for problem in problems(unknown):
            warnings.warn(problem, RuntimeWarning, stacklevel=5)
        for entry in found:
            if any(is_called(entry, name) for name in names):
                info = _info(entry, "disabled", error=f"named in {DISABLE}")
            else:
                info = self._load_one(entry)
            self._infos[_key(entry)] = info

    def _load_one(self, entry: EntryPoint) -> PluginInfo:
        manager = self._catalog.manager
        try:
            with self._catalog.booked_to(distribution_of(entry), entry.name):
                provides = self._register(entry)
        except FAILURES as error:
            if manager.has_plugin(_key(entry)):
                manager.unregister(name=_key(entry))
            _report(f"Plugin {_key(entry)} is broken and left out", error)
            return _info(entry, "broken", error=cause(error))
        return _info(entry, "active", provides=provides)

    def _register(self, entry: EntryPoint) -> tuple[str, ...]:
        """Loads and registers one plugin; returns what it provides."""
        plugin = entry.load()
        if plugin is None:
            raise PluginError("the entry point names None, which holds no hooks")
        if (other := self._catalog.manager.get_name(plugin)) is not None:
            raise PluginError(f"the entry point names the same object as {other}")
        added = self._catalog.add(plugin, _key(entry))
        return tuple(f"{kind} {entry.name}" for kind, entry in added)


def _report(what: str, error: BaseException) -> None:
    """Warns of a plugin that failed, or raises where plugins are strict."""
    if is_strict() and not is_diagnosis():
        raise PluginError(f"{what}: {cause(error)}") from error
    warnings.warn(f"{what}: {cause(error)}", RuntimeWarning, stacklevel=2)


def _key(entry: EntryPoint) -> str:
    """Names a plugin in full, as two distributions may give one name."""
    origin = distribution_of(entry) or "no distribution"
    return f"{entry.name!r} of {origin} (entry point {entry.value})"


def _info(entry: EntryPoint, status: Any, **fields: Any) -> PluginInfo:
    version = metadata_of(entry, "Version")
    return PluginInfo(entry.name, distribution_of(entry), version, status, **fields)
