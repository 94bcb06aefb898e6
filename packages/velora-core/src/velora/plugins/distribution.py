"""The distributions behind plugins: what they declare, and the order of loading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import Any

from velora.plugins.info import PluginError
from velora.plugins.markers import PROJECT
from velora.plugins.printable import one_line, shown

OURS = (
    "velora-core",
    "velora-wiring",
    "velora-lnn",
    "velora-sb3",
    "velora-report",
    "velora-onnx",
    "velora-rllib",
)
"""Velora's own distributions, each after those that it builds on."""


@dataclass(frozen=True)
class Declared:
    """An entry point of the group, as its distribution declares it.

    Attributes:
        name: Its name, of whatever characters.
        value: The module or object that it names.
        distribution: Printable name of the distribution, None where unknown.
        version: Printable version of it, None where unknown.
        fault: Why it is not known what the distribution declares, which this stands for
            then; None where it is known.
    """

    name: str
    value: str
    distribution: str | None = None
    version: str | None = field(default=None, compare=False)
    fault: BaseException | None = field(default=None, compare=False)

    @property
    def shown_name(self) -> str:
        """Its name, printable."""
        return one_line(self.name)

    def __str__(self) -> str:
        """Name it in full, as two distributions may give one name."""
        origin = self.distribution or "no distribution"
        return f"{shown(self.name)} of {origin} (entry point {one_line(self.value)})"


def installed() -> list[Declared]:
    """Returns the entry points of the group that installed distributions declare."""
    try:
        return [_declared(entry) for entry in entry_points(group=PROJECT)]
    except KeyboardInterrupt:
        raise
    except BaseException:  # of one distribution, whose plugin it need not be
        return declared_by(distributions())


def declared_by(found: Iterable[Distribution]) -> list[Declared]:
    """Returns the entry points of the group of each distribution by itself.

    Of several with one name the first counts, which is the one that is imported. Where
    one that has the group cannot be read, its fault stands for its entry points.
    """
    declared: list[Declared] = []
    names: set[str] = set()
    try:
        for distribution in found:
            name, _ = _name_and_version(distribution)
            if name is None or normalized(name) not in names:
                declared += _declared_by(distribution)
            names |= {normalized(name)} if name else set()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # of a finder of distributions
        declared.append(_unreadable(None, error))
    return declared


def versions() -> dict[str, str | None]:
    """Returns the version of each installed distribution by its normalized name.

    Of several with one name the first counts; a version is None where it cannot be
    read.
    """
    found: dict[str, str | None] = {}
    for distribution in distributions():
        name, version = _name_and_version(distribution)
        if name is not None:
            found.setdefault(normalized(name), version)
    return found


def load(value: str) -> object:
    """Imports what an entry point names.

    Raises:
        PluginError: It names no module and no object in one.
        BaseException: What the module raises.
    """
    if EntryPoint.pattern.match(value) is None:
        raise PluginError(
            'an entry point must name "module" or "module:object", such as '
            f'"acme.plugin"; got {value!r}'
        )
    return EntryPoint("plugin", value, PROJECT).load()


def is_called(declared: Declared, name: str) -> bool:
    """Whether a name is that of a plugin's entry point, or of its distribution.

    Distributions are compared as package indexes do: Acme_Velora is acme-velora.
    """
    distribution = declared.distribution
    return name in (declared.name, declared.shown_name) or (
        distribution is not None and normalized(name) == normalized(distribution)
    )


def order(declared: Declared) -> tuple[int, str, str, str]:
    """Returns what plugins are sorted by before they are loaded: Velora's own first.

    Of two plugins that claim a name the later one is broken. That must be the newcomer:
    sorted by name alone, acme-liquid would take down velora-lnn.
    """
    distribution = declared.distribution or ""
    name = normalized(distribution)
    rank = OURS.index(name) if name in OURS else len(OURS)
    return rank, distribution, declared.name, declared.value


def normalized(distribution: str) -> str:
    """Spells the name of a distribution in the one way of PEP 503."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _declared(entry: EntryPoint) -> Declared:
    return Declared(entry.name, entry.value, *_name_and_version(entry.dist))


def _declared_by(distribution: Distribution) -> list[Declared]:
    try:
        entries = list(distribution.entry_points)
        return [_declared(entry) for entry in entries if entry.group == PROJECT]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [_unreadable(distribution, error)] if _has_group(distribution) else []


def _unreadable(distribution: Distribution | None, error: BaseException) -> Declared:
    name, version = _name_and_version(distribution)
    return Declared("entry_points.txt", "unknown", name, version, error)


def _has_group(distribution: Distribution) -> bool:
    """Whether a distribution whose entry points are malformed has any for us."""
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except KeyboardInterrupt:
        raise
    except UnicodeDecodeError as error:
        text = error.object.decode("latin-1")
    except BaseException:
        return True  # for all that is known
    return f"[{PROJECT}]" in text


def _name_and_version(
    distribution: Distribution | None,
) -> tuple[str | None, str | None]:
    """Reads both of the metadata, printable; None what it lacks."""
    try:
        metadata = _metadata(distribution)
        return _field(metadata, "Name"), _field(metadata, "Version")
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None, None


def _field(metadata: Message, field: str) -> str | None:
    return one_line(str(metadata[field])) if field in metadata else None


def _metadata(distribution: Distribution | None) -> Message:
    metadata: Any = None
    try:
        metadata = None if distribution is None else distribution.metadata
    except UnicodeDecodeError as error:  # often of an author's name, in Latin-1
        metadata = message_from_string(error.object.decode("utf-8", "replace"))
    return Message() if metadata is None else metadata
