"""Lazy references: "module:attribute", imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from velora.plugins.failure import cause
from velora.plugins.info import PluginError
from velora.plugins.printable import shown


class Reference:
    """A builder that is named, as an entry point names a plugin.

    References to the same thing are equal, and none is imported to be compared, shown,
    copied or pickled.

    Args:
        kind: What it builds, in the singular ("network"); used in messages.
        name: The name that it is registered under; used in messages.
        path: The module and the attribute, such as "acme.networks:build"; dots go
            deeper into either.

    Raises:
        ValueError: The path names no module and attribute.
    """

    def __init__(self, kind: str, name: str, path: str) -> None:
        parts = path.split(":")
        words = [word for part in parts for word in part.split(".")]
        if len(parts) != 2 or not all(map(str.isidentifier, words)):
            raise ValueError(
                f'`build` of the {kind} {name!r} must be "module:attribute" where it '
                f'is a string, such as "acme.networks:build"; got {path!r}.'
            )
        self._identity = kind, name, path
        self._found: list[Callable[..., Any]] = []

    def load(self, origin: str) -> Callable[..., Any]:
        """Returns what is named, which is imported now or has been.

        Threads may ask at once: Python imports a module once, and there is no lock
        beside Python's own, with which it could make a deadlock.

        Args:
            origin: Whose entry it is, for the message.

        Raises:
            PluginError: It cannot be imported, or is no builder. The message names the
                entry and says the cause in one line; the cause is chained.
        """
        kind, name, path = self._identity
        if not self._found:
            module, attribute = path.split(":")
            try:
                found: Any = import_module(module)
                for part in attribute.split("."):
                    found = getattr(found, part)
                require_builder(kind, name, found)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise PluginError(
                    f"The {kind} {name!r} of {origin} cannot be loaded from {path!r}: "
                    f"{cause(error)}"
                ) from error
            self._found.append(found)
        return self._found[0]  # the first, whichever thread found it

    def __eq__(self, other: object) -> bool:
        """Tell whether another one names the same thing for the same entry."""
        return isinstance(other, Reference) and self._identity == other._identity

    def __hash__(self) -> int:
        """Hash what `__eq__` compares."""
        return hash(self._identity)

    def __repr__(self) -> str:
        """Show the string that it was given as."""
        return repr(self._identity[-1])

    def __reduce__(self) -> tuple[type[Reference], tuple[str, str, str]]:
        """Leave what was imported out of copies and pickles."""
        return type(self), self._identity


def require_builder(kind: str, name: str, build: object) -> None:
    """Refuses what builds nothing.

    Raises:
        TypeError: It cannot be called, or is a ``torch.nn.Module`` that is built
            already, which is called with inputs and not with sizes. That is known by
            what it offers, since nothing here imports torch.
    """
    is_module = not isinstance(build, type) and hasattr(build, "state_dict")
    if is_module or not callable(build):
        raise TypeError(
            f"`build` of the {kind} {name!r} must be callable; got {shown(build)}. "
            "Pass the function or class, not what it returns."
        )
