"""The fields of an entry, as they must be for all who show it and ask for it."""

from __future__ import annotations

from unicodedata import normalize

from velora.plugins.printable import printable, shown


def checked_name(kind: str, name: object) -> str:
    """Returns the name of an entry.

    Args:
        kind: What the entry is ("network"); for messages.
        name: What it is to be asked for by.

    Raises:
        TypeError: It is no string.
        ValueError: It is blank, has a character that is not printable or a space at an
            end, or is composed in another way than the usual (NFC), so that it equals
            no name that looks the same.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a {kind} must be a string; got {shown(name)}.")
    name = str.__str__(name)  # of a subclass, whose methods may be anything
    if not name.strip():
        raise ValueError(f"The name of a {kind} must not be blank; got {name!r}.")
    if not name.isprintable() or name != name.strip():
        raise ValueError(
            f"The name of a {kind} must be printable, with no space at an end; got "
            f"{name!r}. Leave that out."
        )
    if printable(name) != name:
        raise ValueError(
            f"The name of a {kind} must be as text is usually composed (NFC), and this "
            f"only looks like {normalize('NFC', name)!r}; got {name!a}. Pass "
            'unicodedata.normalize("NFC", name).'
        )
    return name


def checked_summary(what: str, summary: object) -> str:
    """Returns the summary of an entry.

    Raises:
        TypeError: It is no string.
    """
    if not isinstance(summary, str):
        raise TypeError(f"`summary` of {what} must be a string; got {shown(summary)}.")
    return str.__str__(summary)


def check_flag(what: str, flag: str, value: object) -> None:
    """Refuses what is no flag of an entry.

    Raises:
        TypeError: It is neither true nor false; a string such as "no" would count as
            true.
    """
    if not isinstance(value, bool):
        raise TypeError(f"`{flag}` of {what} must be a bool; got {shown(value)}.")
