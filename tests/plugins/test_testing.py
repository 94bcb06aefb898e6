"""`check_plugin` says everything that is wrong with a plugin, and nothing else."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import pytest

from velora.plugins import networks
from velora.plugins.testing import Checked, CheckError, check_plugin

RIGHT = """
from velora.plugins import hookimpl

def build(in_features, out_features, *, device=None): ...

@hookimpl
def velora_register_wirings(registry):
    registry.add("acme-wiring", build, summary="who is connected to whom")

@hookimpl
def velora_register_networks(registry):
    registry.add("acme-net", build, recurrent=True, summary="a network")
    registry.add("acme-other", build, summary="another")
"""
# What checks networks here: an installed plugin, as velora-lnn is one.
CHECKER = """
from velora.plugins import hookimpl
from velora.plugins.testing import Report

def check(entry):
    report = Report(f"network {entry.name}")
    with report.rule("builds"):
        entry.build(2, 3)
    if entry.recurrent:
        report.fail("state", "it hides its state")
    report.raise_failures()

@hookimpl
def velora_register_checks(registry):
    registry.add("network", check, summary="builds it")
"""


def write(site: Any, module: str, source: str) -> str:
    """Writes a module that no distribution has."""
    (site.root / f"{module}.py").write_text(source, "utf-8")
    return module


def failures(plugin: object) -> tuple[str, ...]:
    with pytest.raises(CheckError) as caught:
        check_plugin(plugin)
    return caught.value.failures


def test_right_plugin_is_right_and_says_what_was_not_checked(alone: Any) -> None:
    assert check_plugin(write(alone, "acme", RIGHT)) == Checked(
        (), ("wiring acme-wiring", "network acme-net", "network acme-other")
    )


def test_result_survives_pickle_with_all_of_it() -> None:
    result = Checked(("network a",), ("wiring b",))
    assert pickle.loads(pickle.dumps(result)) == result
    assert "unchecked=('wiring b',)" in repr(result)


def test_entries_go_through_the_checks_of_installed_plugins(alone: Any) -> None:
    alone.add("checker", CHECKER)
    source = RIGHT.replace("recurrent=True, ", "")
    assert check_plugin(write(alone, "acme", source)) == Checked(
        ("network acme-net", "network acme-other"), ("wiring acme-wiring",)
    )
    wrong = RIGHT.replace("device=None): ...", "device=None): raise OSError('no')")
    assert failures(write(alone, "wrong", wrong)) == (
        "network acme-net: builds: OSError: no",
        "network acme-net: state: it hides its state",
        "network acme-other: builds: OSError: no",
    )


def test_module_object_and_path_are_all_plugins(alone: Any) -> None:
    write(alone, "acme", RIGHT)
    write(
        alone,
        "objects",
        """
from velora.plugins import hookimpl

class Plugin:
    @hookimpl
    def velora_register_networks(self, registry):
        registry.add("method", dict, summary="a method's")

    @staticmethod
    @hookimpl
    def velora_register_wirings():
        pass

plugin = Plugin()
""",
    )
    module = importlib.import_module("acme")
    assert check_plugin(module).unchecked == check_plugin("acme").unchecked
    plugin = importlib.import_module("objects").Plugin()
    for each in (plugin, "objects:plugin"):
        assert check_plugin(each).unchecked == ("network method",)


@pytest.mark.parametrize(
    ("plugin", "subject"),
    [("objects:plugin", "objects:plugin"), (None, "objects"), ("", "objects.Plugin")],
)
def test_error_names_the_plugin(alone: Any, plugin: Any, subject: str) -> None:
    write(alone, "objects", "class Plugin: ...\nplugin = Plugin()")
    module = importlib.import_module("objects")
    given = {None: module, "": module.Plugin()}.get(plugin, plugin)
    with pytest.raises(CheckError, match=f"^{subject} is not right:\n") as caught:
        check_plugin(given)
    assert caught.value.subject == subject


HEAD = "from velora.plugins import hookimpl\n"
WRONG = {
    "nothing": ("", ["plugin: it registers nothing and implements no other hook."]),
    "import": (
        "import no_such_library",
        ["import: ModuleNotFoundError: No module named 'no_such_library'"],
    ),
    "exit": ("raise SystemExit(3)", ["import: SystemExit: 3"]),
    "misspelled": (
        HEAD + "@hookimpl\ndef velora_register_netwroks(registry): ...",
        [
            "velora_register_netwroks: there is no such hook; did you mean "
            "`velora_register_networks`?"
        ],
    ),
    "foreign": (
        HEAD + "@hookimpl\ndef xyz(registry): ...",
        ["xyz: there is no such hook; known: ['velora_register_checks', "],
    ),
    "argument": (
        HEAD + "@hookimpl\ndef velora_register_networks(registry, colour): ...",
        [
            "velora_register_networks: it has no argument ['colour']; known: "
            "['registry']."
        ],
    ),
    "default": (
        HEAD + "@hookimpl\ndef velora_register_networks(registry=None): ...",
        [
            "velora_register_networks: an argument with a default is never passed; "
            "take it from ['registry']."
        ],
    ),
    "wrapper": (
        HEAD + "@hookimpl(wrapper=True)\n"
        "def velora_resolve_device(device): return (yield)",
        ["velora_resolve_device: Velora calls no wrappers; make it a plain hook."],
    ),
    "unmarked": (
        "def velora_register_networks(registry): ...",
        ["velora_register_networks: it is never called; mark it with @hookimpl."],
    ),
    "raises": (
        HEAD + "@hookimpl\ndef velora_register_networks(registry): registry['x']",
        ["velora_register_networks: UnknownNameError: No network is called 'x'."],
    ),
    "keyword": (
        HEAD + "@hookimpl\ndef velora_register_networks(*, registry): ...",
        ["velora_register_networks: TypeError: velora_register_networks() missing"],
    ),
    "twice": (
        HEAD + "@hookimpl\ndef velora_register_networks(registry):\n"
        "    registry.add('x', dict, summary='x')\n"
        "    registry.add('x', list, summary='x')",
        [
            "velora_register_networks: ValueError: The name of a network must be "
            "unique, and 'x' is claimed twice: by wrong_twice and by "
            "wrong_twice."
        ],
    ),
    "blank": (
        HEAD + "@hookimpl\ndef velora_register_networks(registry):\n"
        "    registry.add('none', dict)\n"
        "    registry.add('blank', dict, summary=' ')\n"
        "    registry.add('lines', dict, summary='one\\ntwo')",
        [
            "network none: `summary` must be one line; got ''.",
            "network blank: `summary` must be one line; got ' '.",
            "network lines: `summary` must be one line; got 'one\\ntwo'.",
        ],
    ),
    "no-text": (
        HEAD + "@hookimpl\ndef velora_register_networks(registry):\n"
        "    registry.add('number', dict, summary=3)",
        [
            "velora_register_networks: TypeError: `summary` of the network 'number' "
            "must be a string; got 3."
        ],
    ),
    "kind": (
        HEAD + "@hookimpl\ndef velora_register_checks(registry):\n"
        "    registry.add('netwrok', dict, summary='x')",
        [
            "check netwrok: there is no such kind; known: ['command', 'extractor', "
            "'fact', 'network', 'policy', 'wiring']."
        ],
    ),
    "no-command": (
        HEAD + "@hookimpl\ndef velora_register_commands(registry):\n"
        "    registry.add('plain', print, summary='x')",
        [
            "command plain: class: it must be a click.Command; got <built-in function "
            "print>. Register what `click.command()` makes."
        ],
    ),
    "hidden-command": (
        HEAD + "import click\n@hookimpl\ndef velora_register_commands(registry):\n"
        "    registry.add('plugins', click.Command('x'), summary='x')\n"
        "    registry.add('plugin', click.Command, summary='x')",
        [
            "command plugins: name: `velora plugins` is built in and hides it. ",
            "command plugin: class: it must be a click.Command; got <class 'click.",
            "command plugin: name: `velora plugin` is built in and hides it. ",
        ],
    ),
    "asks": (
        HEAD + "from velora.plugins import networks\n@hookimpl\n"
        "def velora_register_networks(registry): networks()",
        ["velora_register_networks: PluginError: A plugin must not ask for plugins"],
    ),
    "asks-on-import": (
        "from velora.plugins import networks\nnetworks()",
        ["import: PluginError: A plugin must not ask for plugins or registries"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_said_alone(alone: Any, name: str) -> None:
    alone.check_of_commands()
    source, expected = WRONG[name]
    found = failures(write(alone, f"wrong_{name.replace('-', '_')}", source))
    assert len(found) == len(expected)
    for failure, start in zip(found, expected, strict=True):
        assert failure.startswith(start)


def test_all_mistakes_are_said_at_once_and_what_is_right_is_checked(
    alone: Any,
) -> None:
    alone.add("checker", CHECKER)
    source = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_wirings(registry):
    registry.add("half", dict, summary="")
    raise RuntimeError("half-way")

@hookimpl
def velora_register_networks(registry):
    registry.add("hides", lambda i, o: None, recurrent=True, summary="")

@hookimpl
def velora_register_polices(registry): ...

@hookimpl
def velora_register_extractors(registry, color): ...

def velora_register_commands(registry): ...
"""
    words = [
        "velora_register_extractors: it has no argument ['color']",
        "velora_register_polices: there is no such hook; did you mean "
        "`velora_register_policies`?",
        "velora_register_commands: it is never called",
        "velora_register_wirings: RuntimeError: half-way",
        "network hides: `summary` must be one line",
        "network hides: state: it hides its state",
    ]
    found = failures(write(alone, "acme", source))
    for failure, start in zip(found, words, strict=True):
        assert failure.startswith(start)


COMMAND = (
    HEAD + "import click\n@hookimpl\n"
    "def velora_register_commands(registry):\n"
    "    registry.add('runs', click.Command('runs'), summary='x')"
)


def test_another_plugin_may_replace_the_check_of_commands(alone: Any) -> None:
    alone.check_of_commands()
    alone.add(
        "checker",
        """
        from velora.plugins import hookimpl

        def check(entry):
            raise ValueError("it has no help")

        @hookimpl
        def velora_register_checks(registry):
            registry.add("command", check, override=True)
        """,
    )
    assert failures(write(alone, "acme", COMMAND)) == (
        "command runs: ValueError: it has no help",
    )


def test_command_has_no_check_but_the_one_that_a_plugin_brings(alone: Any) -> None:
    assert check_plugin(write(alone, "acme", COMMAND)) == Checked((), ("command runs",))


def test_command_is_checked_by_what_velora_core_registers(alone: Any) -> None:
    alone.check_of_commands()
    assert check_plugin(write(alone, "acme", COMMAND)) == Checked(("command runs",), ())


def test_plugin_that_only_chooses_devices_is_right(alone: Any) -> None:
    source = HEAD + "@hookimpl\ndef velora_resolve_device(device): ..."
    assert check_plugin(write(alone, "acme", source)) == Checked((), ())


def test_hook_under_a_name_of_its_own_is_found(alone: Any) -> None:
    source = HEAD + (
        "@hookimpl(specname='velora_register_networks')\n"
        "def acme(registry): registry.add('named', dict, summary='x')"
    )
    assert check_plugin(write(alone, "acme", source)).unchecked == ("network named",)


def test_name_of_another_plugin_is_said_with_its_distribution(alone: Any) -> None:
    alone.network("rival", "acme-net")
    alone.network("friend", "elsewhere")
    assert failures(write(alone, "acme", RIGHT)) == (
        "network acme-net: rival has claimed the name; choose another, or pass "
        "override=True to replace it.",
    )
    override = RIGHT.replace("recurrent=True", "override=True")
    check_plugin(write(alone, "override", override))


def test_name_that_another_plugin_overrides_is_no_conflict(alone: Any) -> None:
    alone.network("rival", "acme-net", "override=True")
    check_plugin(write(alone, "acme", RIGHT))


def test_name_of_the_running_program_is_no_conflict(alone: Any) -> None:
    networks().add("acme-net", dict)
    check_plugin(write(alone, "acme", RIGHT))


def test_installed_plugin_does_not_conflict_with_itself(alone: Any) -> None:
    alone.add("acme-velora", RIGHT)
    alone.network("rival", "other")
    assert networks()["acme-net"].distribution == "acme-velora"
    assert len(check_plugin("acme_velora").unchecked) == 3


def test_new_object_of_an_installed_class_does_not_conflict_with_it(
    alone: Any,
) -> None:
    source = HEAD + (
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def velora_register_networks(self, registry):\n"
        "        registry.add('mine', lambda: 0, summary='x')\n"
        "plugin = Plugin()"
    )
    alone.add("acme", source, entry_points={"acme": "acme:plugin"})
    assert list(networks()) == ["mine"]
    plugin = importlib.import_module("acme").Plugin()
    assert check_plugin(plugin).unchecked == ("network mine",)


def test_check_leaves_the_registries_of_the_process_alone(alone: Any) -> None:
    alone.network("acme", "first")
    before = dict(networks())
    write(alone, "other", RIGHT)
    check_plugin("other")
    assert dict(networks()) == before


def test_plugin_code_may_ask_again_after_the_check(alone: Any) -> None:
    failures(write(alone, "asks", WRONG["asks"][0]))
    assert list(networks()) == []


def test_broken_plugin_beside_it_is_no_fault_of_it(alone: Any) -> None:
    alone.add("broken", "raise OSError('not mine')")
    with pytest.warns(RuntimeWarning, match="'broken' of broken .*not mine"):
        checked = check_plugin(write(alone, "acme", RIGHT))
    assert len(checked.unchecked) == 3


def test_strict_plugins_that_break_are_said(
    alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    alone.add("broken", "raise OSError('not mine')")
    (failure,) = failures(write(alone, "acme", RIGHT))
    assert failure.startswith("installed plugins: PluginError: Plugin 'broken' of")


def test_kit_stays_light(site: Any) -> None:
    done = site.python(
        "-c", "import sys, velora.plugins.testing; print(*sorted(sys.modules))"
    )
    loaded = set(done.stdout.split())
    assert "velora.plugins.testing" in loaded
    assert not loaded & {"torch", "numpy", "pytest", "click", "rich"}


def test_check_inside_a_plugin_is_refused(alone: Any) -> None:
    source = HEAD + (
        "from velora.plugins.testing import check_plugin\ncheck_plugin('json')"
    )
    alone.add("acme", source)
    with pytest.warns(RuntimeWarning, match="acme .* is broken .*json is not right"):
        assert list(networks()) == []
