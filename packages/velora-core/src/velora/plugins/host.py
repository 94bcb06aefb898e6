"""The host: finds plugins, loads each by itself, and keeps what they register."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from velora.plugins import spec
from velora.plugins.info import PluginError, PluginInfo
from velora.plugins.markers import PROJECT
from velora.plugins.registry import Entry, NetworkRegistry, Registry

DISABLE = "VELORA_DISABLE_PLUGINS"
STRICT = "VELORA_STRICT_PLUGINS"

# What a plugin may raise without taking the host down: SystemExit is what a module
# that calls sys.exit() on import raises. A KeyboardInterrupt is the user's own.
_FAILURES = (Exception, SystemExit)


def installed() -> Iterable[EntryPoint]:
    """Returns the entry points of the group that installed distributions declare."""
    return entry_points(group=PROJECT)


class PluginHost:
    """Loads plugins on the first question and answers from their registries.

    Loading is lazy, happens once whichever thread asks first, and isolates plugins
    from each other: one that fails leaves nothing behind and is reported.

    Args:
        find: gives the entry points to load; called at the first question.
    """

    def __init__(self, find: Callable[[], Iterable[EntryPoint]] = installed) -> None:
        self._find = find
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(spec)
        self._registries: dict[str, Registry[Any]] = {
            "wirings": Registry("wiring", Entry),
            "networks": NetworkRegistry(),
            "policies": Registry("policy", Entry),
            "extractors": Registry("extractor", Entry),
            "commands": Registry("command", Entry),
        }
        self._infos: list[PluginInfo] = []
        self._lock = threading.RLock()
        self._loading = False
        self._loaded = False

    def manager(self) -> pluggy.PluginManager:
        """Returns the plugin manager, with every working plugin registered."""
        self._load()
        return self._manager

    def plugins(self) -> list[PluginInfo]:
        """Returns what became of each entry point."""
        self._load()
        return list(self._infos)

    def registry(self, name: str) -> Registry[Any]:
        """Returns a registry ("networks", ...), filled by every working plugin."""
        self._load()
        return self._registries[name]

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
            except _FAILURES as error:
                _report(f"Plugin {hook.plugin_name} could not resolve a device", error)
        return None

    def _load(self) -> None:
        if self._loaded:
            return
        with self._lock:
            if self._loading:
                raise PluginError(
                    "A plugin must not ask for plugins or registries while they are "
                    "being loaded. Use the `registry` that its hook is given, or ask "
                    "when its builder is called."
                )
            if self._loaded:
                return
            self._loading = True
            try:
                with self._rolled_back(None):
                    self._load_all()
                self._loaded = True
            except BaseException:
                # A second question must find what the first one found.
                self._infos.clear()
                for name, _ in self._manager.list_name_plugin():
                    self._manager.unregister(name=name)
                raise
            finally:
                self._loading = False

    def _load_all(self) -> None:
        # Metadata may declare an entry point twice; it is one plugin all the same.
        unique = {_key(entry): entry for entry in self._find()}.values()
        found = sorted(unique, key=lambda e: (_distribution(e) or "", e.name))
        disabled = {n.strip() for n in os.environ.get(DISABLE, "").split(",")} - {""}
        known = {name for e in found for name in (e.name, _distribution(e))}
        if unknown := sorted(disabled - known):
            warnings.warn(
                f"{DISABLE} names {unknown}, and no plugin or distribution has such a "
                "name; `velora plugins` lists them.",
                RuntimeWarning,
                stacklevel=5,
            )
        for entry in found:
            if {entry.name, _distribution(entry)} & disabled:
                self._infos.append(_info(entry, "disabled"))
            else:
                self._infos.append(self._load_one(entry))

    def _load_one(self, entry: EntryPoint) -> PluginInfo:
        try:
            with self._rolled_back(_distribution(entry)):
                provides = self._register(entry)
        except _FAILURES as error:
            if self._manager.has_plugin(_key(entry)):
                self._manager.unregister(name=_key(entry))
            _report(f"Plugin {_key(entry)} is broken and left out", error)
            return _info(entry, "broken", error=_cause(error))
        return _info(entry, "active", provides=provides)

    def _register(self, entry: EntryPoint) -> tuple[str, ...]:
        """Loads and registers one plugin; returns what it provides."""
        plugin = entry.load()
        if plugin is None:
            raise PluginError("the entry point names None, which holds no hooks")
        if (other := self._manager.get_name(plugin)) is not None:
            raise PluginError(f"the entry point names the same object as {other}")
        self._manager.register(plugin, name=_key(entry))
        self._manager.check_pending()
        provides = []
        for name, registry in self._registries.items():
            before = dict(registry)
            caller = getattr(self._manager.hook, f"velora_register_{name}")
            for hook in caller.get_hookimpls():
                if hook.plugin is plugin:
                    hook.function(*([registry] if "registry" in hook.argnames else []))
            provides += [
                f"{registry.kind} {key}"
                for key, value in registry.items()
                if before.get(key) is not value
            ]
        return tuple(provides)

    @contextmanager
    def _rolled_back(self, distribution: str | None) -> Iterator[None]:
        """Takes back what is registered inside, in all registries, if it raises."""
        with ExitStack() as stack:
            for registry in self._registries.values():
                stack.enter_context(registry.booked_to(distribution))
            yield


def _report(what: str, error: BaseException) -> None:
    """Warns of a plugin that failed, or raises where plugins are strict."""
    if os.environ.get(STRICT) == "1":
        raise PluginError(f"{what}: {_cause(error)}") from error
    warnings.warn(f"{what}: {_cause(error)}", RuntimeWarning, stacklevel=2)


def _cause(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _metadata(entry: EntryPoint, field: str) -> str | None:
    """Reads a field of the distribution, None where the metadata lacks it."""
    metadata = entry.dist.metadata if entry.dist else None
    return metadata[field] if metadata and field in metadata else None


def _distribution(entry: EntryPoint) -> str | None:
    return _metadata(entry, "Name")


def _key(entry: EntryPoint) -> str:
    """Names a plugin in full, as two distributions may give one name."""
    origin = _distribution(entry) or "no distribution"
    return f"{entry.name!r} of {origin} (entry point {entry.value})"


def _info(entry: EntryPoint, status: Any, **fields: Any) -> PluginInfo:
    version = _metadata(entry, "Version")
    return PluginInfo(entry.name, _distribution(entry), version, status, **fields)
