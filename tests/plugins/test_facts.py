"""The hook `velora_register_facts`: lines of `velora info` that plugins add."""

from __future__ import annotations

import json
from typing import Any

import pytest

from velora.plugins import facts
from velora.plugins.testing import CheckError, check_plugin

HOOK = """
from velora.plugins import hookimpl

{tell}

@hookimpl
def velora_register_facts(registry):
    registry.add("weather", {what}, summary="outside")
"""
TOLD = {
    "def tell(): return 'fair'": "fair",
    "def tell(): return ' two\\nlines '": "two lines",
    "def tell(): return 'red \\x1b[31m'": "red \\x1b[31m",
    "def tell(): print('NOISE'); return 'fair'": "fair",
}
FAILING = {
    "def tell(): raise ValueError('no window')": "ValueError: no window",
    "def tell(): raise SystemExit('bye')": "SystemExit: bye",
    "def tell(place): return place": "TypeError: tell() missing 1 required",
    "def tell(): return 3": "TypeError: a fact must return one line of text; got 3",
    "def tell(): return None": "must return one line of text; got None",
    "def tell(): return ' '": "must return one line of text; got ' '",
    "async def tell(): return 'fair'": "one of the class coroutine, which nobody",
}


def fact(site: Any, **settings: str) -> dict[str, Any]:
    """Returns the one fact that `velora info --json` tells; others must work on."""
    done = site.velora("info", "--json", **settings)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    rows = json.loads(done.stdout)["facts"]
    assert rows[-1] == {
        "name": "season",
        "distribution": "zzz",
        "value": "spring",
        "error": None,
    }
    (row,) = rows[:-1]
    assert (row["name"], row["distribution"]) == ("weather", "acme")
    return dict(row)


def add(site: Any, tell: str, what: str = "tell") -> None:
    """Writes a plugin with a fact, and one that is loaded after it."""
    site.add("acme", HOOK.format(tell=tell, what=what))
    spring = HOOK.format(tell="def tell(): return 'spring'", what="tell")
    site.add("zzz", spring.replace("weather", "season"))


@pytest.mark.parametrize("tell", TOLD)
def test_fact_is_told_in_one_printable_line(site: Any, tell: str) -> None:
    add(site, tell)
    row = fact(site)
    assert (row["value"], row["error"]) == (TOLD[tell], None)
    lines = site.velora("info").stdout.splitlines()
    assert f"weather            {TOLD[tell]}" in lines


@pytest.mark.parametrize("strict", ["", "1"])
@pytest.mark.parametrize("tell", FAILING)
def test_fact_that_fails_says_so_and_the_others_are_told(
    site: Any, tell: str, strict: str
) -> None:
    add(site, tell)
    row = fact(site, strict=strict)
    assert row["value"] is None
    assert FAILING[tell] in row["error"]
    (line,) = [x for x in site.velora("info").stdout.splitlines() if "weather" in x]
    assert line == f"weather            unknown: {row['error']}"


def test_fact_by_its_path_is_imported_for_info_alone(site: Any) -> None:
    add(site, "", "'acme_weather:tell'")
    (site.root / "acme_weather.py").write_text("print('LOADED')\ntell = 'fair'.strip\n")
    assert "LOADED" not in site.velora("plugins").stderr
    assert "LOADED" not in site.velora("--help").stdout
    assert fact(site)["value"] == "fair"
    (site.root / "acme_weather.py").unlink()
    assert "No module named 'acme_weather'" in fact(site)["error"]


def test_broken_and_disabled_plugins_have_a_line_each(site: Any) -> None:
    site.add("acme", "raise OSError('no licence')")
    site.network("off", "never")
    for strict in ("", "1"):
        done = site.velora("info", disable="off", strict=strict)
        assert done.returncode == 0, done.stderr
        lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
        assert "plugin acme of acme 1.0 is broken: OSError: no licence" in lines
        assert (
            "plugin off of off 1.0 is disabled: named in VELORA_DISABLE_PLUGINS"
            in lines
        )
    rows = json.loads(site.velora("info", "--json").stdout)["plugins"]
    assert {row["name"]: row["status"] for row in rows}["acme"] == "broken"


def test_interrupt_of_a_fact_is_the_users(site: Any) -> None:
    add(site, "def tell(): raise KeyboardInterrupt")
    done = site.velora("info")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == "Aborted!"


def test_two_facts_of_one_name_are_told_of_the_first(alone: Any) -> None:
    add(alone, "def tell(): return 'fair'")
    alone.add("bbb", HOOK.format(tell="", what="str"))
    with pytest.warns(RuntimeWarning, match="'weather' is claimed twice: by acme and"):
        assert facts()["weather"].build() == "fair"


def test_check_tells_a_fact_and_says_what_is_wrong(alone: Any) -> None:
    alone.check_of_commands()
    (alone.root / "good.py").write_text(
        HOOK.format(tell="def tell(): return 'fair'", what="tell")
    )
    assert check_plugin("good").checked == ("fact weather",)
    for number, (tell, cause) in enumerate(FAILING.items()):
        (alone.root / f"bad{number}.py").write_text(HOOK.format(tell=tell, what="tell"))
        with pytest.raises(CheckError) as caught:
            check_plugin(f"bad{number}")
        (failure,) = caught.value.failures
        assert failure.startswith("fact weather: text: ")
        assert cause in failure


def test_fact_that_velora_core_cannot_check_says_who_could(site: Any) -> None:
    add(site, "def tell(): return 'fair'")
    done = site.velora("plugins", "check", "acme")
    said = "- not checked: fact weather; no plugin here can, velora-core could"
    assert said in done.stdout.splitlines()
