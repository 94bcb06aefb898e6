"""The version of the plugin API, by which a plugin says what it needs."""

from __future__ import annotations

from velora.plugins.info import PluginError
from velora.plugins.version import __version__

API_VERSION = 1
"""Grows when a hook, or an argument of one, is added to `velora.plugins.spec`."""


def require_api(needed: int) -> None:
    """Checks that this Velora has what a plugin needs; call it before other imports.

    Args:
        needed: The `API_VERSION` that the plugin was written for.

    Raises:
        PluginError: This velora-core is older; the message says how to upgrade it. The
            host then reports the plugin as broken with this cause.
        TypeError: `needed` is no integer.
        ValueError: `needed` is less than 1, the first version.
    """
    if not isinstance(needed, int) or isinstance(needed, bool):
        raise TypeError(f"`needed` must be an integer, such as 1; got {needed!r}.")
    if needed < 1:
        raise ValueError(f"`needed` must be at least 1, the first; got {needed}.")
    if needed > API_VERSION:
        raise PluginError(
            f"this plugin needs version {needed} of the plugin API, and velora-core "
            f"{__version__} offers version {API_VERSION}; run: pip install --upgrade "
            "velora-core"
        )
