"""Registries: what plugins and the running program offer, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from velora.plugins.entry import Entry, NetworkEntry
from velora.plugins.reference import Reference, require_builder

E = TypeVar("E", bound=Entry)


class UnknownNameError(KeyError):
    """A KeyError that prints its message as it is, where KeyError prints its repr."""

    def __str__(self) -> str:
        """Return the message without quotes around it."""
        return str(self.args[0])


class Registry(Mapping[str, E]):
    """A mapping from name to entry, in the order of registration.

    An unknown name raises a KeyError that lists the known ones.
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
        self._owner: str | None = None
        self._entry_point: str | None = None

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
            TypeError: The name is no string, or ``build`` cannot be called, or is
                a ``torch.nn.Module`` that is built already.
            ValueError: The name is blank, or taken while ``override`` is false; or
                ``build`` is a string that names no module and attribute.
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
        before = self._entries.copy()
        self._owner, self._entry_point = distribution, entry_point
        try:
            yield
        except BaseException:
            self._entries = before
            raise
        finally:
            self._owner = self._entry_point = None

    def _put(
        self, name: str, build: Any, summary: str, override: bool, **more: Any
    ) -> None:
        if not isinstance(name, str):
            raise TypeError(
                f"The name of a {self.kind} must be a string; got {name!r}."
            )
        if not name.strip():
            raise ValueError(
                f"The name of a {self.kind} must not be blank; got {name!r}."
            )
        if isinstance(build, str):
            build = Reference(self.kind, name, build)
        else:
            require_builder(self.kind, name, build)
        known = self._entries.get(name)
        if known is not None and not override:
            # The order of loading must not decide whether an override is an error.
            if known.override and self._owner not in (None, known.distribution):
                return
            raise ValueError(
                f"The name of a {self.kind} must be unique, and {name!r} is claimed "
                f"twice: by {_named(known.distribution)} and by {_named(self._owner)}. "
                "Choose another name, or pass override=True to replace the first."
            )
        more["entry_point"] = self._entry_point
        self._entries[name] = self._entry_type(
            name, build, summary, self._owner, override, **more
        )

    def __getitem__(self, name: str) -> E:
        """Return the entry of a name.

        Raises:
            KeyError: No entry has this name; the message lists the known ones.
        """
        if name not in self._entries:
            known = ", ".join(map(repr, sorted(self._entries))) or "none"
            raise UnknownNameError(
                f"No {self.kind} is called {name!r}. Known: {known}. The command "
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
            TypeError: The name is no string, or ``build`` cannot be called, or is
                a ``torch.nn.Module`` that is built already.
            ValueError: The name is blank, or taken while ``override`` is false; or
                ``build`` is a string that names no module and attribute.
        """
        self._put(name, build, summary, override, recurrent=recurrent)


def _named(distribution: str | None) -> str:
    return distribution or "the running program"
