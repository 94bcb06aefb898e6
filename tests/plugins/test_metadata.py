"""Metadata that is missing, malformed or raises costs its own plugin at most."""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from typing import Any

import pytest

from velora.plugins import PluginError
from velora.plugins.distribution import installed
from velora.plugins.host import PluginHost

NAMED = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
POINTS = "[velora]\nacme = acme\n"
# What stands in METADATA of a plugin that works, and what is known of it.
METADATA = {
    "latin author": ((NAMED + "Author: José\n").encode("latin-1"), ("acme", "1.0")),
    "no name": (b"Metadata-Version: 2.1\nVersion: 1.0\n", (None, "1.0")),
    "no version": (b"Metadata-Version: 2.1\nName: acme\n", ("acme", None)),
    "empty": (b"", (None, None)),
    "no header": (b"\x00\x01\x02", (None, None)),
    "utf-16": (NAMED.encode("utf-16"), (None, None)),
    "folded": (b"Name: ac\n me\nVersion: 1.0\n", ("ac me", "1.0")),
    "missing": (None, (None, None)),
}
# What stands in entry_points.txt of a plugin that is broken, and what is told of it.
MALFORMED = {
    "no value": (b"[velora]\nacme\n", "entry points cannot be read: TypeError: "),
    "latin": (
        POINTS.encode() + "é = acme\n".encode("latin-1"),
        "entry points cannot be read: UnicodeDecodeError: ",
    ),
    "blank value": (b"[velora]\nacme =\n", 'must name "module" or "module:object"'),
    "no path": (b"[velora]\nacme = a b!\n", "such as \"acme.plugin\"; got 'a b!'"),
    "arguments": (b"[velora]\nacme = acme:x()\n", "got 'acme:x()'"),
    "relative": (b"[velora]\nacme = .acme\n", "TypeError: "),
}


def add(site: Any, metadata: bytes | None, points: bytes, name: str = "acme") -> None:
    (site.root / f"{name}.py").write_text("")
    info = site.root / f"{name}-1.0.dist-info"
    info.mkdir()
    if metadata is not None:
        (info / "METADATA").write_bytes(metadata)
    (info / "entry_points.txt").write_bytes(points)


@pytest.mark.parametrize("case", METADATA)
def test_plugin_works_with_what_is_known_of_it(site: Any, case: str) -> None:
    metadata, known = METADATA[case]
    add(site, metadata, POINTS.encode())
    (info,) = site.host().plugins()
    assert (info.name, info.status) == ("acme", "active")
    assert (info.distribution, info.version) == known
    done = site.velora("plugins")
    assert done.returncode == 0
    assert f"acme of {known[0] or 'no distribution'}" in done.stdout


@pytest.mark.parametrize("case", MALFORMED)
def test_entry_points_that_are_malformed_are_one_row(site: Any, case: str) -> None:
    points, words = MALFORMED[case]
    site.network("aaa-good", "first")
    add(site, NAMED.encode(), points)
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning, match=" of acme .* is broken") as caught:
        infos = {info.distribution: info for info in host.plugins()}
    assert len(caught) == 1
    assert words in str(infos["acme"].error)
    assert infos["acme"].version == "1.0"
    assert infos["aaa-good"].status == infos["zzz-good"].status == "active"
    for arguments in (["plugins"], ["plugins", "--json"], ["plugins", "check", "acme"]):
        done = site.velora(*arguments, columns=400)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert "1 plugin is broken" in site.velora("--help").stderr
    assert site.velora("plugins", "check", "aaa-good").stdout.startswith("aaa_good is")


def test_strict_names_the_distribution_of_malformed_ones(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    add(site, NAMED.encode(), MALFORMED["no value"][0])
    with pytest.raises(PluginError, match=r"'entry_points.txt' of acme .* TypeError"):
        site.host().plugins()


def test_malformed_ones_are_disabled_by_their_distribution(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", "acme")
    add(site, NAMED.encode(), MALFORMED["latin"][0])
    assert [info.status for info in site.host().plugins()] == ["disabled"]


def test_malformed_ones_of_others_are_no_plugin(site: Any) -> None:
    add(site, b"Name: other\nVersion: 1.0\n", b"[console_scripts]\nother\n", "other")
    add(site, b"Name: latin\n", "[scripts]\né = x".encode("latin-1"), "latin")
    site.network("zzz-good", "last")
    (info,) = site.host().plugins()
    assert info.distribution == "zzz-good"
    done = site.velora("plugins", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["distribution"] for row in json.loads(done.stdout)][-1] == "zzz-good"


def test_first_of_two_installations_counts_also_beside_malformed_ones(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site, NAMED.encode(), POINTS.encode())
    other = tmp_path / "other"
    other.mkdir()
    old = NAMED.replace("1.0", "0.9").replace("acme", "Acme")
    add(type(site)(other), old.encode(), b"[velora]\nold = acme\n")
    monkeypatch.setattr(sys, "path", [str(site.root), str(other)])
    found = installed()
    add(site, b"Name: bad", MALFORMED["no value"][0], "bad")
    for each in (found, [d for d in installed() if d.fault is None]):
        assert [(d.name, d.version) for d in each] == [("acme", "1.0")]


class Raising(Distribution):
    """One whose metadata cannot be had, as of a broken importer."""

    def read_text(self, filename: str) -> str | None:
        if filename == "entry_points.txt":
            return POINTS
        raise OSError("no metadata")

    def locate_file(self, path: Any) -> Any:
        raise OSError("no file")


class Refusing(Raising):
    def read_text(self, filename: str) -> str | None:
        raise BaseException("nothing to be had")


class Finder(DistributionFinder):
    def __init__(self, *found: Distribution | BaseException) -> None:
        self.found = found

    def find_spec(self, *_: Any) -> None: ...

    def find_distributions(self, context: Any = None) -> Any:  # type: ignore[override]  # of any context
        for each in self.found:
            if isinstance(each, BaseException):
                raise each
            yield each


def host(monkeypatch: pytest.MonkeyPatch, site: Any, finder: Finder) -> PluginHost:
    """Returns a host that finds what a finder does, and what is in the site."""
    monkeypatch.setattr(sys, "path", [str(site.root)])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    return PluginHost()


@pytest.mark.parametrize("number", [1, 2])
def test_metadata_that_raises_leaves_the_name_unknown(
    site: Any, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    site.network("zzz-good", "last")
    (site.root / "acme.py").write_text("")
    found = host(monkeypatch, site, Finder(*[Raising()] * number))
    infos = found.plugins()
    assert [(i.name, i.distribution, i.status) for i in infos] == [
        ("acme", None, "active"),
        ("zzz_good", "zzz-good", "active"),
    ]


@pytest.mark.parametrize("fault", [Refusing(), OSError("no list"), SystemExit(3)])
def test_distribution_of_which_nothing_can_be_had_is_one_row(
    site: Any, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    site.network("zzz-good", "last")
    found = host(monkeypatch, site, Finder(fault))
    with pytest.warns(RuntimeWarning, match="'entry_points.txt' of no distribution"):
        infos = found.plugins()
    assert [(i.name, i.distribution, i.status) for i in infos] == [
        ("entry_points.txt", None, "broken"),
        ("zzz_good", "zzz-good", "active"),
    ]


def test_interrupt_while_metadata_is_read_propagates(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = host(monkeypatch, site, Finder(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        found.plugins()
