"""The check of a whole plugin: its hooks, and everything that they register."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy

from velora.plugins import process
from velora.plugins.catalog import Added, Catalog, module_of
from velora.plugins.distribution import load
from velora.plugins.entry import Entry
from velora.plugins.hook import fault_of_hook
from velora.plugins.identity import hooks_of
from velora.plugins.loading import plugin_code
from velora.plugins.markers import PROJECT
from velora.plugins.printable import class_name, shown
from velora.plugins.testing.report import Report


@dataclass(frozen=True)
class Checked:
    """What a plugin registered, such as "network acme-gru", in that order.

    Attributes:
        checked: What was checked and is right.
        unchecked: What no installed package has a check for: only its name and its
            summary were looked at.
    """

    checked: tuple[str, ...]
    unchecked: tuple[str, ...]


def check_plugin(plugin: object) -> Checked:
    """Checks a plugin, installed or not, and all that it registers.

    Its hooks are called as Velora calls them, but on registries of their own, and what
    they add goes through the checks that the installed plugins offer: velora-core has
    one for commands and facts, velora-lnn for networks and wirings, velora-sb3 for
    policies and extractors. What was registered as a string is imported for that.

    Args:
        plugin: The module or object that holds the hooks, or its import path as in an
            entry point: "package.module" or "package.module:attribute".

    Returns:
        What was checked, and what could not be.

    Raises:
        CheckError: Something is wrong; the message lists everything, one a line.
    """
    is_path = issubclass(type(plugin), str)
    report = Report(str(plugin) if is_path else _name(plugin))
    with plugin_code():  # which must not ask for plugins, as while they are loaded
        if is_path:
            with report.rule("import"):
                plugin = load(str(plugin))
            report.raise_failures()
        module = ""
        with report.rule("plugin"):
            module = module_of(plugin)
        added = _call_hooks(plugin, report)
    done = _check_entries(added, module, report)
    report.raise_failures()
    return done


def _call_hooks(plugin: object, report: Report) -> list[Added]:
    """Calls the register hooks, each by itself; returns what they registered."""
    catalog = Catalog()
    hooks: dict[str, list[pluggy.HookImpl]] = {}
    with report.rule("hooks"):
        hooks = _hooks(plugin, catalog.manager, report)
    if not report.failures:
        with report.rule("hooks"):  # what pluggy says, and the warnings it gives
            catalog.tried(plugin, report.subject)
    added: list[Added] = []
    for name in catalog.registries:
        for hook in hooks.pop(name, []):
            with report.rule(name), catalog.booked_to(report.subject):
                added += catalog.call(name, hook)
    if not (added or hooks or report.failures):
        report.fail("plugin", "it registers nothing and implements no other hook.")
    return added


def _hooks(
    plugin: object, manager: pluggy.PluginManager, report: Report
) -> dict[str, list[pluggy.HookImpl]]:
    """Returns the hooks that Velora can call, by name; reports the others."""
    known = {name: caller.spec for name, caller in vars(manager.hook).items()}
    anything = pluggy.PluginManager(PROJECT)  # has no specification to obey
    anything.register(hooks_of(plugin, anything), name="plugin")
    hooks: dict[str, list[pluggy.HookImpl]] = {}
    for caller in vars(anything.hook).values():
        for hook in caller.get_hookimpls():
            if problem := _problem(caller.name, hook, known):
                report.fail(caller.name, problem)
            else:
                hooks.setdefault(caller.name, []).append(hook)
    for name in dir(plugin):
        if not name.startswith("velora_"):
            continue
        is_function = inspect.isroutine(inspect.getattr_static(plugin, name, None))
        if is_function and anything.parse_hookimpl_opts(plugin, name) is None:
            report.fail(name, "it is never called; mark it with @hookimpl.")
    return hooks


def _problem(name: str, hook: pluggy.HookImpl, known: dict[str, Any]) -> str | None:
    """Says why Velora cannot call a hook, None where it can."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {sorted(known)}."
        return f"there is no such hook; {hint}"
    arguments = known[name].argnames
    if unknown := [each for each in hook.argnames if each not in arguments]:
        return f"it has no argument {unknown}; known: {[*arguments]}."
    if given := [each for each in hook.kwargnames if each in arguments]:
        return f"an argument with a default is never passed; take it from {given}."
    if hook.wrapper or hook.hookwrapper:
        return "Velora calls no wrappers; make it a plain hook."
    return fault_of_hook(hook)


def _check_entries(added: list[Added], module: str, report: Report) -> Checked:
    """Checks what a plugin registered, and its names beside those of other plugins."""
    registries: dict[str, Mapping[str, Entry]] = {}
    # Whose names are no others': the plugin's, also where it is installed, and the
    # running program's.
    own = {report.subject, None}
    with report.rule("installed plugins"):
        catalog = process.host.catalog()
        registries = {each.kind: each for each in catalog.registries.values()}
        own |= process.host.distributions(module)
    kinds = {registry.kind for registry in Catalog().registries.values()} - {"check"}
    checks = registries.get("check", {})
    checked: list[str] = []
    unchecked: list[str] = []
    for kind, entry, _ in added:
        what = f"{kind} {entry.name}"
        summary = entry.summary
        if len(summary.strip().splitlines()) != 1:
            report.fail(what, f"`summary` must be one line; got {shown(summary)}.")
        elif not summary.strip().isprintable():
            report.fail(what, f"`summary` must be printable; got {shown(summary)}.")
        taken = registries.get(kind, {}).get(entry.name, entry)
        problem = None if taken.distribution in own else _conflict(entry, taken)
        if problem is not None:
            report.fail(what, problem)
        with report.rule(what):
            entry.build  # noqa: B018  # imports what was registered as a string
            if kind in checks:
                checks[kind].build(entry)
        if kind == "check" and entry.name not in kinds:
            report.fail(what, f"there is no such kind; known: {sorted(kinds)}.")
        (checked if kind in {"check", *checks} else unchecked).append(what)
    return Checked(tuple(checked), tuple(unchecked))


def _conflict(entry: Entry, taken: Entry) -> str | None:
    """Says what two plugins with one name must change, None where one replaces."""
    if entry.override and taken.override:
        return (
            f"{taken.distribution} overrides it as well, and the one that is loaded "
            "last counts; choose another name."
        )
    if entry.override or taken.override:
        return None
    return (
        f"{taken.distribution} has claimed the name; choose another, or pass "
        "override=True to replace it."
    )


def _name(plugin: object) -> str:
    try:
        if issubclass(type(plugin), ModuleType):
            return module_of(plugin)
        kind: Any = plugin if issubclass(type(plugin), type) else type(plugin)
        return f"{kind.__module__}.{kind.__qualname__}"
    except KeyboardInterrupt:
        raise
    except BaseException:
        return class_name(plugin)
