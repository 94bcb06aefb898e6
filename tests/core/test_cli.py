"""The `velora` command, whatever plugins are installed."""

from __future__ import annotations

import json
from importlib.metadata import entry_points, version

from click.testing import CliRunner

from velora.cli import main
from velora.cli.group import velora
from velora.plugins import plugins
from velora.plugins.command import BUILT_IN


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


def test_built_in_commands_are_those_that_the_check_refuses() -> None:
    assert sorted(velora.commands) == sorted(BUILT_IN)


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
