"""A plugin's command is a command of `velora`."""

from __future__ import annotations

from typing import Any

import pytest

COMMANDS = """
import click
from velora.plugins import hookimpl

@click.command()
@click.option("--count", default=1)
def greet(count):
    "Greets from acme."
    click.echo("hello " * count)

@click.command()
def plugins():
    "Not the real one."
    click.echo("usurped")

@hookimpl
def velora_register_commands(registry):
    registry.add("greet", greet)
    registry.add("plugins", plugins)
"""


def test_command_of_a_plugin_is_in_the_help_and_runs(site: Any) -> None:
    site.add("acme", COMMANDS)
    done = site.velora("--help")
    assert done.returncode == 0
    assert "greet    Greets from acme." in done.stdout
    done = site.velora("greet", "--count", "2")
    assert (done.returncode, done.stdout.split()) == (0, ["hello", "hello"])
    done = site.velora("greet", "--wrong")
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_built_in_command_wins_over_a_plugins(site: Any) -> None:
    site.add("acme", COMMANDS)
    done = site.velora("plugins")
    assert "usurped" not in done.stdout
    assert "command greet" in done.stdout
    lines = site.velora("--help").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  plugins")] == [
        "plugins"
    ]
    assert not any("Not the real one." in line for line in lines)


@pytest.mark.parametrize("arguments", [["--help"], ["greet"], ["plugins"]])
def test_broken_plugin_leaves_the_other_commands_alone(
    site: Any, arguments: list[str]
) -> None:
    site.add("acme", COMMANDS)
    site.add("library", "import no_such_library")
    done = site.velora(*arguments)
    assert "Traceback" not in done.stderr
    assert "greet" in done.stdout or "hello" in done.stdout
    assert "no_such_library" in done.stderr + done.stdout


def test_command_that_is_none_of_click_is_left_out_by_name(site: Any) -> None:
    site.add("acme", COMMANDS)
    site.add(
        "plain",
        """
        from velora.plugins import hookimpl

        @hookimpl
        def velora_register_commands(registry):
            registry.add("plain", print)
        """,
    )
    done = site.velora("--help")
    assert done.returncode == 0
    assert "greet    Greets from acme." in done.stdout
    assert "  plain" not in done.stdout
    assert "The command 'plain' of plain is left out" in done.stderr
    done = site.velora("plain")
    assert done.returncode == 2
    assert "must be a click.Command" in done.stderr
