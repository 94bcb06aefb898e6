"""The `velora` command, whatever plugins are installed."""

from __future__ import annotations

import json
from importlib.metadata import entry_points, version

import pytest
from click.testing import CliRunner

from velora.cli import main
from velora.cli.command_check import check_command
from velora.cli.group import velora
from velora.plugins import Entry, checks, plugins
from velora.plugins.testing import CheckError


def test_console_script_is_main() -> None:
    (script,) = entry_points(group="console_scripts", name="velora")
    assert script.load() is main


def test_version_is_that_of_velora_core() -> None:
    done = CliRunner().invoke(velora, ["--version"])
    assert done.exit_code == 0
    assert done.output == f"velora, version {version('velora-core')}\n"


def test_help_lists_our_commands() -> None:
    done = CliRunner().invoke(velora, ["--help"])
    assert done.exit_code == 0
    assert "plugin   Write a plugin of your own." in done.output
    assert "plugins  Show every plugin; exit with 1 if one is broken." in done.output


def test_unknown_command_is_an_error() -> None:
    done = CliRunner().invoke(velora, ["frobnicate"])
    assert done.exit_code == 2
    assert "No such command 'frobnicate'" in done.output


def test_check_of_commands_is_registered_by_velora_core() -> None:
    entry = checks()["command"]
    assert (entry.distribution, entry.entry_point) == ("velora-core", "cli")
    assert entry.build is check_command


@pytest.mark.parametrize("name", velora.commands)
def test_check_refuses_the_name_of_each_built_in_command(name: str) -> None:
    check_command(Entry(f"acme-{name}", velora.commands[name], "", None))
    with pytest.raises(CheckError, match=f"`velora {name}` is built in and hides it"):
        check_command(Entry(name, velora.commands[name], "", None))


def test_plugins_shows_what_is_installed_as_json_and_in_words() -> None:
    infos = plugins()
    broken = any(info.status == "broken" for info in infos)
    done = CliRunner().invoke(velora, ["plugins", "--json"])
    assert done.exit_code == broken
    rows = json.loads(done.stdout)
    assert [(row["name"], row["distribution"], row["status"]) for row in rows] == [
        (info.name, info.distribution, info.status) for info in infos
    ]
    done = CliRunner().invoke(velora, ["plugins"])
    assert done.exit_code == broken
    assert all(info.name in done.stdout for info in infos)
