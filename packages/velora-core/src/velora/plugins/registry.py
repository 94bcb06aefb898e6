"""Registries: what plugins and the running program offer, by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from velora.plugins.entry import Entry, NetworkEntry, bringer
from velora.plugins.fields import check_flag, checked_name, checked_summary
from velora.plugins.info import PluginError
from velora.plugins.printable import shown
from velora.plugins.reference import Reference, require_builder

E = TypeVar("E", bound=Entry)


class UnknownNameError(KeyError):
    """A KeyError that prints its message as it is, where KeyError prints its repr."""

    def __str__(self) -> str:
        """Return the message without quotes around it."""
        return str(self.args[0])


@dataclass(frozen=True)
class _Booking:
    """Whose entries are added now, and the one thread that may add them.

    Without any of these it is the running program, in whichever thread.
    """

    distribution: str | None = None
    entry_point: str | None = None
    thread: int | None = None

    def is_of(self, entry: Entry) -> bool:
        """Whether this is who brought an entry; a distribution is one, in all parts."""
        if self.distribution is not None:
            return self.distribution == entry.distribution
        return (None, self.entry_point) == (entry.distribution, entry.entry_point)

    @property
    def is_program(self) -> bool:
        return (self.distribution, self.entry_point) == (None, None)


class Registry(Mapping[str, E]):
    """A mapping from name to entry, in the order of registration.

    An unknown name raises a KeyError that lists the known ones. What is added when all
    plugins are loaded counts as the running program's, whoever has kept the registry.
    """

    def __init__(self, kind: str, entry_type: type[E]) -> None:
        """Start an empty registry.

        Args:
            kind: What an entry is, in the singular ("network"); used in messages.
            entry_type: The class of the entries.
        """
        self.kind = kind
        self._entry_type = entry_type
        self._entries: dict[str, E] = {}
        self._booking = _Booking()

    def add(
        self,
        name: str,
        build: Callable[..., Any] | str,
        *,
        summary: str = "",
        override: bool = False,
    ) -> None:
        """Register something under a name.

        Args:
            name: The name to ask for it by.
            build: What the name stands for, see `Entry`; or where it lies, as
                "module:attribute", which is imported when it is first asked for.
            summary: One line about it.
            override: Replace the entry that has this name, if there is one.

        Raises:
            PluginError: A thread adds while plugins are being loaded.
            TypeError: The name or the summary is no string, ``override`` no boolean; or
                ``build`` cannot be called, or is a ``torch.nn.Module`` that is built
                already.
            ValueError: The name is blank, not printable or not in its usual form, or
                is taken while ``override`` is false; or ``build`` is a string that
                names no module and attribute.
        """
        self._put(name, build, summary, override)

    @contextmanager
    def booked_to(
        self, distribution: str | None, entry_point: str | None = None
    ) -> Iterator[None]:
        """Book what is added inside to a distribution, or take all of it back.

        Args:
            distribution: Name of the distribution that adds, None where unknown.
            entry_point: Name of its entry point, None where there is none.

        Raises:
            BaseException: Whatever the block raised, after the registry has gone back
                to what it held before, overridden entries included.
        """
        before, booking = self._entries.copy(), self._booking
        self._booking = _Booking(distribution, entry_point, threading.get_ident())
        try:
            yield
        except BaseException:
            self._entries = before
            raise
        finally:
            self._booking = booking

    def _put(
        self, name: str, build: Any, summary: str, override: bool, **more: Any
    ) -> None:
        booking = self._booking
        if booking.thread not in (None, threading.get_ident()):
            raise PluginError(
                f"A {self.kind} must be added in the thread that loads plugins, since "
                "another could add it while the next plugin is loaded. Add it in the "
                "hook itself."
            )
        name = checked_name(self.kind, name)
        what = f"the {self.kind} {name!r}"
        summary = checked_summary(what, summary)
        for flag, value in {"override": override, **more}.items():
            check_flag(what, flag, value)
        if isinstance(build, str):
            build = Reference(self.kind, name, str.__str__(build))
        else:
            require_builder(self.kind, name, build)
        known = self._entries.get(name)
        if known is not None and not override:
            # The order of loading must not decide whether an override is an error.
            if known.override and not booking.is_program and not booking.is_of(known):
                return
            raise ValueError(
                f"The name of a {self.kind} must be unique, and {name!r} is claimed "
                f"twice: by {bringer(known.distribution, known.entry_point)} and by "
                f"{bringer(booking.distribution, booking.entry_point)}. Choose another "
                "name, or pass override=True to replace the first."
            )
        more["entry_point"] = booking.entry_point
        self._entries[name] = self._entry_type(
            name, build, summary, booking.distribution, override, **more
        )

    def __getitem__(self, name: str) -> E:
        """Return the entry of a name.

        Raises:
            KeyError: No entry has this name; the message lists the known ones.
        """
        if name not in self._entries:
            known = ", ".join(map(repr, sorted(self._entries))) or "none"
            raise UnknownNameError(
                f"No {self.kind} is called {shown(name)}. Known: {known}. The command "
                "`velora plugins` shows which plugins are active."
            )
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether an entry has this name."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order of registration."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def __repr__(self) -> str:
        """Show the kind and the names."""
        return f"<{type(self).__name__} of {self.kind}: {', '.join(self) or 'empty'}>"


class NetworkRegistry(Registry[NetworkEntry]):
    """The registry of networks, which also knows which of them are recurrent."""

    def __init__(self) -> None:
        """Start an empty registry."""
        super().__init__("network", NetworkEntry)

    def add(
        self,
        name: str,
        build: Callable[..., Any] | str,
        *,
        recurrent: bool = False,
        summary: str = "",
        override: bool = False,
    ) -> None:
        """Register a network under a name.

        Args:
            name: The name to ask for it by.
            build: The function or class that builds it, see `NetworkEntry`; or where
                it lies, as "module:attribute", which is imported when it is first asked
                for.
            recurrent: Whether the network carries a state, see `NetworkEntry`.
            summary: One line about it.
            override: Replace the network that has this name, if there is one.

        Raises:
            PluginError: A thread adds while plugins are being loaded.
            TypeError: The name or the summary is no string, a flag no boolean; or
                ``build`` cannot be called, or is a ``torch.nn.Module`` that is built
                already.
            ValueError: The name is blank, not printable or not in its usual form, or
                is taken while ``override`` is false; or ``build`` is a string that
                names no module and attribute.
        """
        self._put(name, build, summary, override, recurrent=recurrent)
