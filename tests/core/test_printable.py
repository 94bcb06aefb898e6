"""What plugins say is printable: one line, nothing that steers a terminal."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velora.plugins.failure import cause, message
from velora.plugins.printable import class_name, one_line, printable, shown

ANY_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates included


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain: C:\\Users [red] :ok:", "plain: C:\\Users [red] :ok:"),
        ("naïve 网络 ← ½ 🙂", "naïve 网络 ← ½ 🙂"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("erased\r", r"erased\r"),
        ("over\b\b\x7f\x00", r"over\x08\x08\x7f\x00"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("no\xa0break", r"no\xa0break"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("\ud800", r"\ud800"),
        ("cafe\u0301 café", r"cafe\u0301 café"),
        ("\u212b", r"\u212b"),  # which only looks like the letter
    ],
)
def test_what_steers_or_hides_is_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_one_line_turns_lines_and_tabs_into_spaces_and_nothing_else() -> None:
    text = " first\r\n\tsecond \n\n third\rfourth\x0bfifth\u2028sixth \n"
    told = r"first second third\rfourth\x0bfifth\u2028sixth"
    assert one_line(text) == told


@given(ANY_TEXT)
def test_any_text_is_printable_encodable_and_stays_so(text: str) -> None:
    told = one_line(text)
    assert told.isprintable()
    assert told.encode("utf-8").decode("utf-8") == told
    assert one_line(told) == told
    assert unicodedata.is_normalized("NFC", told)


@given(ANY_TEXT, ANY_TEXT)
def test_names_that_only_look_the_same_are_told_apart(one: str, other: str) -> None:
    same = unicodedata.normalize("NFC", one)
    for a, b in ((one, other), (one, same)):
        if "\\" not in a + b and a != b:
            assert printable(a) != printable(b)


class Text(str):
    """A string that is not what its methods say."""

    def __str__(self) -> str:
        raise OSError

    split = replace = encode = isascii = isprintable = __iter__ = __format__ = __str__


def test_methods_of_a_string_of_another_class_are_not_called() -> None:
    for told in (printable(Text("a\x1b")), one_line(Text("a\x1b"))):
        assert told == r"a\x1b"
        assert type(told) is str


class Unshown:
    def __repr__(self) -> str:
        raise SystemExit(3)


class Interrupts(Exception):
    def __repr__(self) -> str:
        raise KeyboardInterrupt

    __str__ = __repr__


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, "\x1b"], r"[1, '\x1b']"),
        (Unshown(), "<Unshown whose repr raises SystemExit>"),
        ([Unshown()], "<list whose repr raises SystemExit>"),
    ],
)
def test_value_is_shown_in_one_line(value: Any, expected: str) -> None:
    assert shown(value) == expected


def test_recursive_repr_is_shown() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "<list whose repr raises RecursionError>"
    while nested:  # whose end would recurse as well
        nested = nested[0]


def test_interrupt_of_the_user_is_none_of_theirs() -> None:
    with pytest.raises(KeyboardInterrupt):
        shown(Interrupts())
    with pytest.raises(KeyboardInterrupt):
        cause(Interrupts())


def test_exception_is_told_by_class_and_message() -> None:
    assert cause(ValueError("bad\ntable")) == "ValueError: bad table"
    assert cause(ValueError()) == "ValueError"
    assert cause(KeyError("\ud800")) == r"KeyError: '\ud800'"
    assert message(ValueError("bad\rtable")) == r"bad\rtable"
    assert class_name(type("E\n\x1b", (), {})()) == r"E \x1b"
