"""Text of others made printable: what would steer a terminal is escaped, visibly."""

from __future__ import annotations

import re
from unicodedata import is_normalized


def printable(text: str) -> str:
    r"""Escapes what is not seen as what it is.

    That is control characters and sequences that start with one, bidirectional and
    other invisible controls, spaces but the plain one, and lone surrogates, which no
    stream takes. A word with letters composed in another way than the usual is escaped
    as far as it is not ASCII, since it looks like the usual one.

    Returns:
        A string of printable characters, such as "\\x1b[31m" in six of them and "31m".
    """
    text = str.__str__(text)  # of a subclass, whose methods may be anything
    if text.isascii() and text.isprintable():
        return text
    return " ".join(map(_visible, text.split(" ")))


def one_line(text: str) -> str:
    """Makes text printable, lines and tabs becoming spaces."""
    lines = re.sub(r"(?:[ \t\n]|\r\n)+", " ", str.__str__(text))
    return printable(lines.strip(" "))


def shown(value: object) -> str:
    """Shows a value of a plugin in one line, also where its `repr` raises."""
    try:
        return one_line(repr(value))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"<{class_name(value)} whose repr raises {class_name(error)}>"


def class_name(value: object) -> str:
    """Names the class of a value, also where the class hides its name."""
    try:
        return one_line(type(value).__name__)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "object"


def _visible(word: str) -> str:
    is_usual = is_normalized("NFC", word)
    return "".join(
        c if c.isprintable() and (is_usual or c.isascii()) else _escaped(c)
        for c in word
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
