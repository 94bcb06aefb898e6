"""The distributions behind plugins: their names, and the order that they load in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from velora.plugins.markers import PROJECT

OURS = ("velora-core", "velora-wiring", "velora-lnn", "velora-sb3")
"""Velora's own distributions, each after those that it builds on."""


def installed() -> Iterable[EntryPoint]:
    """Returns the entry points of the group that installed distributions declare."""
    return entry_points(group=PROJECT)


def metadata_of(entry: EntryPoint, field: str) -> str | None:
    """Reads a field of the distribution, None where the metadata lacks it."""
    metadata = entry.dist.metadata if entry.dist else None
    return metadata[field] if metadata and field in metadata else None


def distribution_of(entry: EntryPoint) -> str | None:
    """Names the distribution that declares an entry point, None where unknown."""
    return metadata_of(entry, "Name")


def is_called(entry: EntryPoint, name: str) -> bool:
    """Whether a name is that of a plugin's entry point, or of its distribution.

    Distributions are compared as package indexes do: Acme_Velora is acme-velora.
    """
    distribution = distribution_of(entry)
    return name == entry.name or (
        distribution is not None and _normalized(name) == _normalized(distribution)
    )


def order(entry: EntryPoint) -> tuple[int, str, str]:
    """Returns what plugins are sorted by before they are loaded: Velora's own first.

    Of two plugins that claim a name the later one is broken. That must be the newcomer:
    sorted by name alone, acme-liquid would take down velora-lnn.
    """
    distribution = distribution_of(entry) or ""
    name = _normalized(distribution)
    rank = OURS.index(name) if name in OURS else len(OURS)
    return rank, distribution, entry.name


def _normalized(distribution: str) -> str:
    """Spells the name of a distribution in the one way of PEP 503."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
