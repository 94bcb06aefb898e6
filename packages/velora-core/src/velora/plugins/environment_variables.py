"""The environment variables by which whoever runs Velora has a say about plugins."""

from __future__ import annotations

import os

DISABLE = "VELORA_DISABLE_PLUGINS"
STRICT = "VELORA_STRICT_PLUGINS"


def disabled() -> set[str]:
    """Returns the names of the plugins not to import."""
    return {name.strip() for name in os.environ.get(DISABLE, "").split(",")} - {""}


def is_strict() -> bool:
    """Whether a broken plugin is an error instead of a warning."""
    return os.environ.get(STRICT) == "1"


def problems(unknown: set[str]) -> list[str]:
    """Says what the variables hold that has no effect.

    Args:
        unknown: The names of `disabled` that no plugin and no distribution has.
    """
    found = []
    if unknown:
        found.append(
            f"{DISABLE} names {sorted(unknown)}, and no plugin or distribution has "
            "such a name; `velora plugins` lists them."
        )
    if (value := os.environ.get(STRICT, "")) not in ("", "0", "1"):
        found.append(
            f"{STRICT} must be 1 or 0; got {value!r}, which counts as 0. Set it to 1 "
            "to make a broken plugin an error."
        )
    return found
