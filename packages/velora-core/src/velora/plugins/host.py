"""The host: finds plugins, loads each by itself, and keeps what they register."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import pluggy

from velora.plugins import spec
from velora.plugins.catalog import Added, Catalog
from velora.plugins.distribution import Declared, installed, is_called, load, order
from velora.plugins.entry import origin
from velora.plugins.environment_variables import DISABLE, disabled, problems
from velora.plugins.failure import cause
from velora.plugins.hook import fault_of_result
from velora.plugins.info import PluginError, PluginInfo
from velora.plugins.loading import plugin_code, refuse_plugin_code
from velora.plugins.registry import Registry
from velora.plugins.reporting import Reporting


class PluginHost:
    """Loads plugins on the first question and answers from their registries.

    Loading is lazy, happens once whichever thread asks first, and isolates plugins
    from each other: one that fails leaves nothing behind and is reported, whatever it
    raises but a KeyboardInterrupt.

    Args:
        find: gives the entry points to load; called at the first question.
        specification: the module that holds the hook specifications.
    """

    def __init__(
        self,
        find: Callable[[], Iterable[Declared]] = installed,
        specification: ModuleType | type = spec,
    ) -> None:
        self._find = find
        self._specification = specification
        self._catalog: Catalog  # made anew by each attempt to load
        self._infos: dict[str, PluginInfo] = {}
        self._lock = threading.Lock()  # whom it keeps waiting gets all plugins
        self._loaded = False

    def catalog(self) -> Catalog:
        """Returns the hooks and registries, filled by every working plugin."""
        self._load()
        return self._catalog

    def manager(self) -> pluggy.PluginManager:
        """Returns the plugin manager, with every working plugin registered."""
        return self.catalog().manager

    def plugins(self) -> list[PluginInfo]:
        """Returns what became of each entry point."""
        self._load()
        return list(self._infos.values())

    def registry(self, name: str) -> Registry[Any]:
        """Returns a registry ("networks", ...), filled by every working plugin."""
        return self.catalog().registries[f"velora_register_{name}"]

    def distributions(self, module: str) -> set[str | None]:
        """Names the distributions whose working plugins lie in a module."""
        lie_in = self.catalog().modules
        return {
            info.distribution
            for key, info in self._infos.items()
            if lie_in.get(key) == module
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
        reporting = Reporting()
        for hook in reversed(caller.get_hookimpls()):
            if hook.wrapper or hook.hookwrapper:
                continue
            try:
                answer = hook.function(*([device] if "device" in hook.argnames else []))
                if fault := fault_of_result(answer):
                    raise PluginError(f"the hook `velora_resolve_device`: {fault}")
                if answer is not None:
                    return convert(answer)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                what = f"Plugin {hook.plugin_name} could not resolve a device"
                reporting.failure(what, error)
        return None

    def _load(self) -> None:
        refuse_plugin_code()
        if self._loaded:
            return
        with self._lock, plugin_code():
            if self._loaded:
                return
            # Where the first question raises, a second one must find the same.
            self._catalog = Catalog(self._specification)
            self._infos = {}
            with self._catalog.booked_to(None):  # so no other thread adds meanwhile
                self._load_all()
            self._loaded = True

    def _load_all(self) -> None:
        # Metadata may declare an entry point twice; it is one plugin all the same.
        found = sorted(set(self._find()), key=order)
        names = disabled()
        unknown = {n for n in names if not any(is_called(d, n) for d in found)}
        for problem in problems(unknown):
            warnings.warn(problem, RuntimeWarning, stacklevel=5)
        reporting = Reporting()
        for declared in found:
            if any(is_called(declared, name) for name in names):
                info = _info(declared, "disabled", error=f"named in {DISABLE}")
            else:
                info = self._load_one(declared, reporting)
            self._infos[str(declared)] = info

    def _load_one(self, declared: Declared, reporting: Reporting) -> PluginInfo:
        try:
            with self._catalog.booked_to(declared.distribution, declared.shown_name):
                added = self._register(declared)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reporting.failure(f"Plugin {declared} is broken and left out", error)
            return _info(declared, "broken", error=cause(error))
        for problem in _twice_overridden(added):
            reporting.problem(problem)
        provides = tuple(f"{kind} {entry.name}" for kind, entry, _ in added)
        return _info(declared, "active", provides=provides)

    def _register(self, declared: Declared) -> list[Added]:
        """Loads and registers one plugin; returns what it adds."""
        if declared.fault is not None:
            raise PluginError(
                f"its entry points cannot be read: {cause(declared.fault)}"
            ) from declared.fault
        return self._catalog.add(load(declared.value), str(declared))


def _twice_overridden(added: list[Added]) -> Iterable[str]:
    """Says which names a plugin has overridden that another overrides as well."""
    for kind, entry, before in added:
        if before is None or origin(before) == origin(entry):
            continue
        if before.override and entry.override:
            yield (
                f"The {kind} {entry.name!r} is overridden twice: by {origin(before)} "
                f"and by {origin(entry)}. The one that is loaded last counts, which is "
                f"the second; disable the other by naming it in {DISABLE}."
            )


def _info(declared: Declared, status: Any, **fields: Any) -> PluginInfo:
    return PluginInfo(
        declared.shown_name, declared.distribution, declared.version, status, **fields
    )
