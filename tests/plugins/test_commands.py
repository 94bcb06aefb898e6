"""A plugin's command is a command of `velora`."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from velora.cli.group import velora as command
from velora.plugins import commands

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
    assert "command: greet, plugins" in done.stdout
    lines = site.velora("--help").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  plugins")] == [
        "plugins"
    ]
    assert not any("Not the real one." in line for line in lines)


def test_command_without_help_has_its_summary(site: Any) -> None:
    source = COMMANDS.replace('    "Greets from acme."\n', "")
    site.add(
        "acme", source.replace('"greet", greet', '"greet", greet, summary="Hello."')
    )
    done = site.velora("--help")
    assert "greet    Hello." in done.stdout
    assert "Hello." in site.velora("greet", "--help").stdout


def test_help_of_a_command_wins_over_its_summary(site: Any) -> None:
    source = COMMANDS.replace('"greet", greet', '"greet", greet, summary="Hello."')
    site.add("acme", source)
    done = site.velora("--help")
    assert "greet    Greets from acme." in done.stdout
    assert "Hello." not in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["greet"]])
@pytest.mark.parametrize("number", [1, 2])
def test_broken_plugins_leave_the_other_commands_alone_and_are_counted(
    site: Any, arguments: list[str], number: int
) -> None:
    site.add("acme", COMMANDS)
    for name in ["library", "other"][:number]:
        site.add(name, "import no_such_library")
    done = site.velora(*arguments)
    assert done.returncode == 0
    assert "greet" in done.stdout or "hello" in done.stdout
    what = ["1 plugin is", "2 plugins are"][number - 1]
    assert done.stderr == f"{what} broken; `velora plugins` says why.\n"


def test_broken_plugin_leaves_the_list_of_plugins_whole(site: Any) -> None:
    site.add("acme", COMMANDS)
    site.add("library", "import no_such_library")
    done = site.velora("plugins")
    assert (done.returncode, done.stderr) == (1, "")
    assert "command: greet" in done.stdout
    assert "no_such_library" in done.stdout


def test_plugins_command_stays_as_it_made_it(alone: Any) -> None:
    source = COMMANDS.replace('    "Greets from acme."\n', "")
    alone.add(
        "acme", source.replace('"greet", greet', '"greet", greet, summary="Hello."')
    )
    done = CliRunner().invoke(command, ["--help"])
    assert "Hello." in done.output
    assert commands()["greet"].build.help is None


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
    assert done.stderr == (
        "The command 'plain' of plain is left out: it must be a click.Command; got "
        "<built-in function print>.\n"
    )
    done = site.velora("plain")
    assert done.returncode == 2
    assert done.stderr.count("must be a click.Command") == 1
