"""`velora plugins check`: what is right, what is wrong, what nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

GOOD = """
import click
from velora.plugins import hookimpl

def build(): ...

@hookimpl
def velora_register_wirings(registry):
    registry.add("w", build, summary="a wiring")

@hookimpl
def velora_register_networks(registry):
    registry.add("n", build, summary="a network")

@hookimpl
def velora_register_policies(registry):
    registry.add("p", build, summary="a policy")

@hookimpl
def velora_register_extractors(registry):
    registry.add("e", build, summary="an extractor")

@hookimpl
def velora_register_commands(registry):
    registry.add("c", click.Command("c"), summary="a command")
"""
BAD = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_netwroks(registry): ...

@hookimpl
def velora_register_wirings(registry):
    registry.add("w", dict, summary="[/red] :ok: " + "long words " * 10 + "\\nend")

@hookimpl
def velora_register_policies(registry):
    raise RuntimeError("half-way")
"""
CHECKER = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_checks(registry):
    registry.add("network", lambda entry: None, summary="finds every network right")
"""


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["entry", "acme-velora", "Acme_Velora", "acme_velora"])
def test_right_plugin_exits_with_0_and_says_who_checks_what_is_left(
    site: Any, name: str
) -> None:
    site.add("acme-velora", GOOD, entry_points={"entry": "acme_velora"})
    site.check_of_commands()
    site.add("checker", CHECKER)
    done = site.velora("plugins", "check", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "acme_velora is right.",
        "- checked: its hooks",
        "- checked: network n",
        "- checked: command c",
        "- not checked: wiring w; no plugin here can, velora-lnn could",
        "- not checked: policy p; no plugin here can, velora-sb3 could",
        "- not checked: extractor e; no plugin here can, velora-sb3 could",
    ]


def test_command_without_the_check_of_velora_core_says_who_could_check_it(
    site: Any,
) -> None:
    site.add("acme-velora", GOOD)
    done = site.velora("plugins", "check", "acme-velora")
    assert done.returncode == 0
    assert "command c; no plugin here can, velora-core could" in flat(done.stdout)


def test_wrong_plugin_exits_with_1_and_says_everything_at_80_columns(
    site: Any,
) -> None:
    site.add("acme-velora", BAD)
    done = site.velora("plugins", "check", "acme-velora")
    assert (done.returncode, done.stderr) == (1, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    text = flat(done.stdout)
    assert text.startswith("acme_velora is not right: - velora_register_netwroks: ")
    assert "did you mean `velora_register_networks`?" in text
    assert "- velora_register_policies: RuntimeError: half-way" in text
    assert "- wiring w: `summary` must be one line; got '[/red] :ok: long" in text
    assert "Traceback" not in text


def test_import_path_of_a_plugin_that_is_not_installed_is_checked(site: Any) -> None:
    (site.root / "acme.py").write_text(GOOD)
    done = site.velora("plugins", "check", "acme")
    assert done.returncode == 0
    assert done.stdout.startswith("acme is right.")
    done = site.velora("plugins", "check", "acme:missing")
    assert done.returncode == 1
    assert "import: AttributeError" in flat(done.stdout)


def test_every_plugin_of_a_distribution_is_checked(site: Any) -> None:
    (site.root / "other.py").write_text(BAD)
    points = {"bad": "other", "good": "acme", "again": "acme"}
    site.add("acme", GOOD, entry_points=points)
    done = site.velora("plugins", "check", "acme")
    assert done.returncode == 1
    assert done.stdout.count("acme is right.") == 1
    assert done.stdout.count("other is not right:") == 1


def test_unknown_name_exits_with_2_and_lists_the_known(site: Any) -> None:
    site.add("acme-velora", GOOD, entry_points={"entry": "acme_velora"})
    done = site.velora("plugins", "check", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    text = flat(done.stderr)
    assert "no plugin and no module that Python finds is called 'nope'" in text
    assert "acme-velora" in text
    assert "entry" in text


def test_disabled_plugin_is_checked_where_it_is_named(site: Any) -> None:
    site.add("acme", BAD)
    done = site.velora("plugins", "check", "acme", disable="acme")
    assert done.returncode == 1
    assert "half-way" in done.stdout


@pytest.mark.parametrize("name", ["__main__", "__main__:x", "", ":x", ".x"])
def test_name_that_no_module_can_be_found_by_exits_with_2(site: Any, name: str) -> None:
    done = site.velora("plugins", "check", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no plugin and no module that Python finds is called" in flat(done.stderr)


def test_json_is_refused_since_the_check_has_none(site: Any) -> None:
    site.add("acme", GOOD)
    done = site.velora("plugins", "--json", "check", "acme")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json is for the list of plugins, and `check` prints none" in done.stderr
