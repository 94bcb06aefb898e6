"""What is known about a plugin, and the error that names a broken one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class PluginError(RuntimeError):
    """A plugin, or an entry of it, is broken, or asks for plugins while they load."""


@dataclass(frozen=True)
class PluginInfo:
    """One entry point of the group ``velora`` and what became of it.

    All text is printable: what would steer a terminal is escaped.

    Attributes:
        name: Name of the entry point; "entry_points.txt" where the distribution's
            entry points cannot be read, for which this stands then.
        distribution: Name of the distribution it belongs to, None where unknown.
        version: Version of that distribution, None where unknown.
        status: "active"; "disabled" by ``VELORA_DISABLE_PLUGINS``, so never imported;
            or "broken", so nothing of it was kept.
        error: Where broken, the cause in one line, such as
            "ModuleNotFoundError: No module named 'x'"; where disabled, what disabled
            it. None where active.
        provides: Where active, what it registered, such as "network liquid", also
            where another plugin has overridden it since.
    """

    name: str
    distribution: str | None
    version: str | None
    status: Literal["active", "disabled", "broken"]
    error: str | None = None
    provides: tuple[str, ...] = ()
