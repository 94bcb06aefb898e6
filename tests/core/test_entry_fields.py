"""What an entry says of itself is checked when it is added, and kept as it is."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

from velora.plugins import Entry, NetworkRegistry, Registry


@pytest.fixture
def wirings() -> Registry[Entry]:
    return Registry("wiring", Entry)


class Hostile:
    def __repr__(self) -> str:
        raise OSError("no")

    __str__ = __eq__ = __hash__ = __bool__ = __repr__


class HostileBuild(Hostile):
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    "name",
    [
        "\ud800",
        "a\x1b[31m",
        "a\rb",
        "a\nb",
        "a\tb",
        "\u202eabc",
        "zero\u200bwidth",
        "no\xa0break",
        " ring",
        "ring ",
        "\u3000ring",
    ],
)
def test_name_that_is_not_printable_is_refused(
    wirings: Registry[Entry], name: str
) -> None:
    with pytest.raises(
        ValueError, match="must be printable, with no space at"
    ) as error:
        wirings.add(name, dict)
    assert str(error.value).isprintable()
    assert repr(name) in str(error.value)
    assert not wirings


@pytest.mark.parametrize("name", ["cafe\u0301", "\u212b", "\u1100\u1161"])
def test_name_that_only_looks_like_another_is_refused(
    wirings: Registry[Entry], name: str
) -> None:
    with pytest.raises(
        ValueError, match=r"as text is usually composed \(NFC\)"
    ) as error:
        wirings.add(name, dict)
    assert ascii(name) in str(error.value)
    assert not wirings


@pytest.mark.parametrize("name", ["café", "网络", "a b", "a-b.c_D/3", "🙂", "Ring"])
def test_any_other_name_is_taken_as_it_is(wirings: Registry[Entry], name: str) -> None:
    wirings.add("ring", dict)
    wirings.add(name, dict)
    assert list(wirings) == ["ring", name]
    with pytest.raises(KeyError, match="Known: ") as error:
        wirings["nope"]
    assert name in str(error.value)


@pytest.mark.parametrize("summary", [None, 3, b"a ring", ["a ring"], Hostile()])
def test_summary_that_is_no_string_is_refused(
    wirings: Registry[Entry], summary: Any
) -> None:
    with pytest.raises(
        TypeError, match="`summary` of the wiring 'ring' must be a string; got"
    ):
        wirings.add("ring", dict, summary=summary)
    assert not wirings


@pytest.mark.parametrize("value", [None, "no", 0, 1.0, Hostile()])
def test_flag_that_is_no_boolean_is_refused(value: Any) -> None:
    networks = NetworkRegistry()
    for flag in ("override", "recurrent"):
        with pytest.raises(
            TypeError, match=f"`{flag}` of the network 'ring' must be a bool; got"
        ):
            networks.add("ring", dict, **{flag: value})
    assert not networks


@pytest.mark.parametrize("name", [Hostile(), [], 3])
def test_name_of_any_class_is_told(wirings: Registry[Entry], name: Any) -> None:
    with pytest.raises(TypeError, match="must be a string; got"):
        wirings.add(name, dict)


def test_build_whose_repr_raises_is_told(wirings: Registry[Entry]) -> None:
    with pytest.raises(TypeError, match="got <Hostile whose repr raises OSError>"):
        wirings.add("ring", Hostile())


def test_entry_is_shown_where_its_build_cannot_be(wirings: Registry[Entry]) -> None:
    wirings.add("ring", HostileBuild())
    assert "build=<HostileBuild whose repr raises OSError>" in repr(wirings["ring"])
    assert repr(wirings) == "<Registry of wiring: ring>"


class Name(str, Enum):
    RING = "ring"

    def __format__(self, spec: str) -> str:
        return "another"


def test_string_of_another_class_is_kept_as_a_string(
    wirings: Registry[Entry],
) -> None:
    wirings.add(Name.RING, dict, summary=Name.RING)
    (entry,) = wirings.values()
    assert (f"{entry.name}", f"{entry.summary}") == ("ring", "ring")
    assert type(next(iter(wirings))) is type(entry.name) is type(entry.summary) is str
    assert wirings[Name.RING] is entry
