"""Registry entries: what can be asked for by name, and who brought it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from velora.plugins.printable import shown
from velora.plugins.reference import Reference


class _Build:
    """The attribute `build`: what is kept under its name, or what that refers to."""

    def __get__(self, entry: Entry | None, owner: type) -> Any:
        if entry is None:
            raise AttributeError("build")  # as for a field without a default
        build = vars(entry)["build"]
        return build.load(origin(entry)) if isinstance(build, Reference) else build

    def __set__(self, entry: Entry, build: Any) -> None:
        vars(entry)["build"] = build


class _Lazy:
    """Holds `build` for entries, in whose own class it would be a default."""

    build: Any = _Build()


@dataclass(frozen=True, eq=False, repr=False)
class Entry(_Lazy):
    """One thing that can be asked for by name.

    Where it was registered as a string "module:attribute", ``build`` imports that when
    it is first asked for, and raises a `velora.plugins.PluginError` that names the
    entry and the cause where it cannot. Nothing else imports it: entries are compared,
    shown and pickled by the string.

    Attributes:
        name: The name it is asked for by.
        build: The function that builds it; for policies and extractors the class, for
            commands the click command.
        summary: One line about it.
        distribution: The distribution that brought it, None where the running program
            added it itself.
        override: Whether it replaces the entries that other plugins give its name,
            loaded before it or after it.
        entry_point: Name of the entry point that brought it, None where there is none.
    """

    name: str
    build: Callable[..., Any]
    summary: str
    distribution: str | None
    override: bool = False
    entry_point: str | None = field(default=None, kw_only=True)

    def __eq__(self, other: object) -> bool:
        """Tell whether another entry says the same; a string equals no function."""
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        """Hash what `__eq__` compares."""
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        """Show every attribute, ``build`` as it was registered."""
        fields = ", ".join(
            f"{name}={shown(value)}" for name, value in vars(self).items()
        )
        return f"{type(self).__name__}({fields})"


@dataclass(frozen=True, eq=False, repr=False)
class NetworkEntry(Entry):
    """A network that can be asked for by name.

    Its ``build`` is called as ``build(in_features, out_features, *, device=None,
    **options)`` and returns a ``torch.nn.Module``. Where an algorithm
    normalises (CrossQ), a ``build`` that names an option ``norm`` gets it: a callable
    that makes a normalisation of a size, to stand before each layer.

    Attributes:
        recurrent: Whether the network carries a state. If so it offers
            ``initial_state(batch_size)``, a tensor or a tuple of tensors, each with the
            batch in dimension 0, and ``forward_sequence(x, state=None)``, which starts
            from the initial state where none is given and returns (T, B, O) outputs of
            (T, B, F) inputs, and the state after. RecurrentPPO asks that it takes
            ``resets``, (T, B), true where the state is the initial one before that
            step, and for irregular time ``timespans``: a number, (T,), (T, B) or
            (T, B, 1), 1 where none are given, a ValueError for any other shape.
    """

    recurrent: bool = False


def origin(entry: Entry) -> str:
    """Names who brought an entry: a distribution with its entry point, or a program."""
    point = "" if entry.entry_point is None else f" (entry point {entry.entry_point!r})"
    return f"{bringer(entry.distribution, entry.entry_point)}{point}"


def bringer(distribution: str | None, entry_point: str | None) -> str:
    """Names a distribution, where it is known, or the running program."""
    unknown = "the running program" if entry_point is None else "no distribution"
    return distribution or unknown
