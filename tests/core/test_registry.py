"""A registry is a mapping that refuses what it could not answer for later."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Mapping

import pytest
from torch import nn

from velora.plugins import Entry, NetworkEntry, NetworkRegistry, Registry


@pytest.fixture
def wirings() -> Registry[Entry]:
    return Registry("wiring", Entry)


def test_registry_is_a_mapping_in_order_of_registration(
    wirings: Registry[Entry],
) -> None:
    wirings.add("ring", dict, summary="a ring")
    wirings.add("all", list)
    assert isinstance(wirings, Mapping)
    assert list(wirings) == ["ring", "all"]
    assert len(wirings) == 2
    assert "ring" in wirings
    assert "star" not in wirings
    assert wirings["ring"] == Entry("ring", dict, "a ring", None)
    assert wirings.get("star") is None
    assert [entry.build for entry in wirings.values()] == [dict, list]


def test_repr_shows_kind_and_names(wirings: Registry[Entry]) -> None:
    assert repr(wirings) == "<Registry of wiring: empty>"
    wirings.add("ring", dict)
    wirings.add("all", list)
    assert repr(wirings) == "<Registry of wiring: ring, all>"


def test_entry_cannot_be_changed(wirings: Registry[Entry]) -> None:
    wirings.add("ring", dict)
    with pytest.raises(AttributeError):
        wirings["ring"].build = list  # type: ignore[misc]  # what is tested


def test_unknown_name_lists_known_ones_and_prints_readable(
    wirings: Registry[Entry],
) -> None:
    with pytest.raises(KeyError, match=r"No wiring is called 'star'\. Known: none\."):
        wirings["star"]
    wirings.add("ring", dict)
    wirings.add("all", list)
    with pytest.raises(KeyError) as caught:
        wirings["star"]
    message = str(caught.value)
    assert message.startswith("No wiring is called 'star'. Known: 'all', 'ring'. ")
    assert "velora plugins" in message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


@pytest.mark.parametrize("name", [None, 3, b"ring", ("ring",)])
def test_name_that_is_no_string_raises_type_error(
    wirings: Registry[Entry], name: object
) -> None:
    with pytest.raises(TypeError, match="name of a wiring must be a string; got"):
        wirings.add(name, dict)
    assert not wirings


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_blank_name_raises_value_error(wirings: Registry[Entry], name: str) -> None:
    with pytest.raises(ValueError, match="must not be blank"):
        wirings.add(name, dict)
    assert not wirings


def test_build_that_cannot_be_called_raises_type_error(
    wirings: Registry[Entry],
) -> None:
    with pytest.raises(TypeError, match=r"`build` of the wiring 'ring' .*got 3"):
        wirings.add("ring", 3)
    assert not wirings


def test_module_that_is_built_raises_type_error(wirings: Registry[Entry]) -> None:
    with pytest.raises(
        TypeError, match=r"got Linear\(.*function or class, not what it"
    ):
        wirings.add("ring", nn.Linear(2, 3))
    assert not wirings
    wirings.add("class", nn.Linear)
    wirings.add("function", lambda *sizes: nn.Linear(*sizes))
    wirings.add("partial", functools.partial(nn.Linear, bias=False))
    assert len(wirings) == 3


def test_name_twice_raises_and_keeps_the_first(wirings: Registry[Entry]) -> None:
    with wirings.booked_to("acme"):
        wirings.add("ring", dict)
    claimed = "'ring' is claimed twice: by acme and by the running program"
    with pytest.raises(ValueError, match=claimed):
        wirings.add("ring", list)
    assert wirings["ring"].build is dict


def test_override_replaces_and_keeps_the_place(wirings: Registry[Entry]) -> None:
    wirings.add("ring", dict)
    wirings.add("all", dict)
    wirings.add("ring", list, override=True)
    wirings.add("new", list, override=True)
    assert wirings["ring"].build is list
    assert list(wirings) == ["ring", "all", "new"]


def test_override_wins_over_a_plugin_that_comes_later(
    wirings: Registry[Entry],
) -> None:
    with wirings.booked_to("acme"):
        wirings.add("ring", dict, override=True)
    with wirings.booked_to("zeta"):
        wirings.add("ring", list)
    assert wirings["ring"].distribution == "acme"


def test_override_is_not_lost_on_the_running_program(
    wirings: Registry[Entry],
) -> None:
    wirings.add("ring", dict, override=True)
    with pytest.raises(ValueError, match="claimed twice"):
        wirings.add("ring", list)


def test_one_plugin_that_adds_a_name_twice_raises(wirings: Registry[Entry]) -> None:
    with wirings.booked_to("acme"):
        wirings.add("ring", dict, override=True)
        with pytest.raises(ValueError, match="by acme and by acme"):
            wirings.add("ring", list)


def test_entries_are_booked_to_their_distribution(wirings: Registry[Entry]) -> None:
    with wirings.booked_to("acme"):
        wirings.add("ring", dict)
    wirings.add("all", dict)
    assert wirings["ring"].distribution == "acme"
    assert wirings["all"].distribution is None


def test_failed_booking_is_taken_back(wirings: Registry[Entry]) -> None:
    wirings.add("ring", dict)

    def book() -> None:
        with wirings.booked_to("acme"):
            wirings.add("ring", list, override=True)
            wirings.add("all", list)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book()
    assert dict(wirings) == {"ring": Entry("ring", dict, "", None)}
    wirings.add("all", dict)
    assert wirings["all"].distribution is None


def test_network_knows_whether_it_is_recurrent() -> None:
    networks = NetworkRegistry()
    networks.add("plain", dict)
    networks.add("memory", dict, recurrent=True, summary="remembers")
    assert not networks["plain"].recurrent
    assert networks["memory"] == NetworkEntry(
        "memory", dict, "remembers", None, recurrent=True
    )
    assert repr(networks) == "<NetworkRegistry of network: plain, memory>"
    with pytest.raises(ValueError, match="'plain' is claimed twice"):
        networks.add("plain", list)
    networks.add("plain", list, recurrent=True, override=True)
    assert networks["plain"].recurrent
