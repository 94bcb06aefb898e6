"""No name, version, summary or error of a plugin reaches a terminal as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from velora.plugins import plugins

RED = "\x1b[31m"
HOSTILE = {
    "escape": (f"{RED}x\x07", r"\x1b[31mx\x07"),
    "erased": ("x\x08y\x7f", r"x\x08y\x7f"),
    "bidi": ("\u202egnp.exe", r"\u202egnp.exe"),
    "zero width": ("ze\u200bro", r"ze\u200bro"),
    "composed": ("cafe\u0301", r"cafe\u0301"),
}


def is_clean(text: str) -> bool:
    return text.replace("\n", "").isprintable()


def declare(site: Any, words: str, source: str = "") -> None:
    """Writes a distribution whose metadata is made of the words."""
    (site.root / "acme.py").write_text(source, "utf-8")
    info = site.root / "acme-1.0.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: acme{words}\nVersion: 1{words}\n"
    (info / "METADATA").write_text(metadata, "utf-8", newline="")
    points = f"[velora]\npoint{words} = acme\n"
    (info / "entry_points.txt").write_text(points, "utf-8", newline="")


@pytest.mark.parametrize("case", HOSTILE)
def test_metadata_is_escaped_in_the_table_and_in_json(site: Any, case: str) -> None:
    words, shown = HOSTILE[case]
    declare(site, words)
    (info,) = site.host().plugins()
    assert (info.name, info.distribution, info.version, info.status) == (
        f"point{shown}",
        f"acme{shown}",
        f"1{shown}",
        "active",
    )
    done = site.velora("plugins")
    assert f"point{shown} of acme{shown} 1{shown} is active" in done.stdout
    assert is_clean(done.stdout)
    (row,) = (
        row
        for row in json.loads(site.velora("plugins", "--json").stdout)
        if row["name"].startswith("point")
    )
    assert (row["name"], row["distribution"]) == (f"point{shown}", f"acme{shown}")


@pytest.mark.parametrize("case", HOSTILE)
def test_broken_plugin_is_warned_of_and_listed_escaped(site: Any, case: str) -> None:
    words, shown = HOSTILE[case]
    declare(site, words, f"raise ValueError({words + ' café'!r}, {words!r})")
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        (info,) = host.plugins()
    assert is_clean(str(info.error))
    assert is_clean(str(caught[0].message))
    assert f"'point{shown}' of acme{shown} (entry point acme)" in str(caught[0].message)
    for arguments in (["plugins"], ["plugins", "check", "acme"], ["--help"], ["nope"]):
        for strict in ("", "1"):
            done = site.velora(*arguments, strict=strict)
            assert is_clean(done.stdout + done.stderr), arguments
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", HOSTILE)
def test_plugin_is_disabled_by_the_name_that_is_shown(
    site: Any, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    words, shown = HOSTILE[case]
    declare(site, words, "raise KeyboardInterrupt")
    for name in (f"point{words}", f"point{shown}", f"acme{shown}"):
        monkeypatch.setenv("VELORA_DISABLE_PLUGINS", name)
        (info,) = site.host().plugins()
        assert info.status == "disabled"


ADDED = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_{kind}s(registry):
    registry.add({name!r}, {build}, summary={summary!r})
"""


@pytest.mark.parametrize("name", ["\ud800", f"{RED}x", "a\rb", "\u202ex", "x\u200b"])
def test_name_of_an_entry_breaks_its_plugin(alone: Any, name: str) -> None:
    alone.add("acme", ADDED.format(kind="network", name=name, build="dict", summary=""))
    alone.network("zzz-good", "last")
    with pytest.warns(RuntimeWarning, match="acme .*must be printable") as caught:
        broken, good = plugins()
    assert is_clean(str(caught[0].message))
    assert (broken.status, good.status) == ("broken", "active")
    assert repr(name) in str(broken.error)


SUMMARIES = {
    f"{RED}Red.": r"\x1b[31mRed.",
    "Hidden\x08Shown.": r"Hidden\x08Shown.",
    "Lone \ud800.": r"Lone \ud800.",
    "\u202eBack.": r"\u202eBack.",
}


@pytest.mark.parametrize("summary", SUMMARIES)
@pytest.mark.parametrize("where", ["summary", "help", "short_help"])
def test_line_of_a_command_in_the_help_is_escaped(
    site: Any, where: str, summary: str
) -> None:
    build = "click.Command('acme')"
    if where != "summary":
        build = f"click.Command('acme', {where}={summary!r})"
    source = "import click\n" + ADDED.format(
        kind="command",
        name="acme",
        build=build,
        summary=summary if where == "summary" else "",
    )
    site.add("acme", source)
    done = site.velora("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"acme     {SUMMARIES[summary]}" in done.stdout
    assert is_clean(done.stdout)
    if where == "summary":  # what we make the command's help, where it has none
        assert is_clean(site.velora("acme", "--help").stdout)


def test_kit_asks_for_a_summary_that_is_printable(site: Any) -> None:
    source = ADDED.format(
        kind="network", name="acme", build="dict", summary=f"{RED}Red."
    )
    site.add("acme", source)
    done = site.velora("plugins", "check", "acme")
    assert done.returncode == 1
    words = r"network acme: `summary` must be printable; got '\x1b[31mRed.'"
    assert words in " ".join(done.stdout.split())


def test_terminal_of_few_characters_gets_escapes(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(site, "-网络", "raise ValueError('ünbekannt')")
    for arguments in (["plugins"], ["plugins", "check", "acme"]):
        run = (
            "import sys, io; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'ascii')"
        )
        run += "\nfrom velora.cli import main; main()"
        done = site.python("-c", run, *arguments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert r"\xfcnbekannt" in done.stdout
