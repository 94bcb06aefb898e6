"""The one plugin host of this process, and the questions that it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

from velora.plugins.entry import Entry
from velora.plugins.host import PluginHost
from velora.plugins.info import PluginInfo
from velora.plugins.namespace import refuse_shadow
from velora.plugins.registry import NetworkRegistry, Registry

refuse_shadow()

host = PluginHost()
"""Loads plugins at the first of the questions below, and never on import."""


def manager() -> pluggy.PluginManager:
    """Returns the only plugin manager, with every working plugin registered."""
    return host.manager()


def plugins() -> list[PluginInfo]:
    """Returns every plugin that was found and what became of it."""
    return host.plugins()


def wirings() -> Registry[Entry]:
    """Returns the wirings by name."""
    return host.registry("wirings")


def networks() -> NetworkRegistry:
    """Returns the networks by name."""
    registry: Any = host.registry("networks")
    return registry  # type: ignore[no-any-return]  # it is made as a NetworkRegistry


def policies() -> Registry[Entry]:
    """Returns the policies by name, such as "ppo.NCPPolicy"."""
    return host.registry("policies")


def extractors() -> Registry[Entry]:
    """Returns the features extractors by name."""
    return host.registry("extractors")


def commands() -> Registry[Entry]:
    """Returns the commands that plugins add to `velora`, by name."""
    return host.registry("commands")


def facts() -> Registry[Entry]:
    """Returns what `velora info` tells beside versions, by name."""
    return host.registry("facts")


def checks() -> Registry[Entry]:
    """Returns the checks by the kind of entry that they check, such as "network"."""
    return host.registry("checks")


def resolve_device(
    device: str, convert: Callable[[Any], Any] = lambda answer: answer
) -> Any:
    """Asks the plugins for a device; returns the first answer that is not None.

    Args:
        device: The device that was asked for.
        convert: Makes a device of an answer; a plugin whose answer it refuses by
            raising is skipped with a warning.
    """
    return host.resolve_device(device, convert)
