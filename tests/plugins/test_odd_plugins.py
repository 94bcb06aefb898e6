"""A plugin may be any object: what its class does is no other plugin's trouble."""

from __future__ import annotations

import json
from typing import Any

import pytest

from velora.plugins import plugins
from velora.plugins.testing import CheckError, check_plugin

HEAD = "from velora.plugins import hookimpl\n"
# Methods of the class of a plugin that works all the same.
ODD = {
    "dataclass": "from dataclasses import dataclass\n"
    "@dataclass\nclass Plugin:\n    n: int = 0",
    "equals all": "class Plugin:\n    def __eq__(self, other): return True",
    "equals raises": "class Plugin:\n    def __eq__(self, other): raise OSError('no')",
    "hash raises": "class Plugin:\n    def __hash__(self): raise OSError('no')",
    "unhashable": "class Plugin:\n    __hash__ = None",
    "false": "class Plugin:\n    def __bool__(self): return False",
    "truth raises": "class Plugin:\n    def __bool__(self): raise OSError('no')",
    "empty": "class Plugin:\n    def __len__(self): return 0",
    "mapping": "class Plugin(dict):\n    ...",
    "repr raises": "class Plugin:\n    def __repr__(self): raise OSError('no')",
    "getattr raises": "class Plugin:\n    def __getattr__(self, name): 1 / 0",
    "slots": "class Plugin:\n    __slots__ = ()",
    "metaclass": "class Meta(type):\n    def __getattr__(self, name): 1 / 0\n"
    "class Plugin(metaclass=Meta):\n    ...",
}
# The class of a plugin whose hooks Python does not list.
SILENT = {
    "module of its own": "import types\nclass Plugin(types.ModuleType):\n"
    "    def __init__(self): super().__init__('own')\n"
    "    def __eq__(self, other): raise OSError('no')",
    "no name of a module": "import types\nclass Plugin(types.ModuleType):\n"
    "    def __init__(self): super().__init__('own'); del self.__name__",
    "lists none": "class Plugin:\n    def __dir__(self): return []",
}
# The class of a plugin that one version of Python or pluggy takes and another does not.
ANY = {
    "claims to be a module": "import types\nclass Plugin:\n"
    "    __class__ = types.ModuleType",
    "claims to be text": "class Plugin:\n    __class__ = str",
    "class equals raises": "class Meta(type):\n    __hash__ = type.__hash__\n"
    "    def __eq__(self, other): raise OSError('no')\n"
    "class Plugin(metaclass=Meta):\n    ...",
    "lists no names": "class Plugin:\n    def __dir__(self): return [3]",
}
HOOKS = """
    @hookimpl
    def velora_register_networks(self, registry):
        registry.add("{name}", dict, summary="odd")

    @hookimpl
    def velora_resolve_device(self, device):
        return "{name}"

    @staticmethod
    @hookimpl
    def velora_register_wirings(registry):
        registry.add("{name}", dict, summary="odd")

    @classmethod
    @hookimpl
    def velora_register_policies(cls, registry):
        registry.add("{name}", dict, summary="odd")

plugin = Plugin()
"""
# Methods of the class of a plugin that is broken, and what is told of it.
HOSTILE = {
    "dir raises": ("def __dir__(self): raise OSError('no')", "OSError: no"),
    "getattribute raises": (
        "def __getattribute__(self, name): raise OSError('no')",
        "OSError: no",
    ),
    "class raises": ("__class__ = property(lambda self: 1 / 0)", "ZeroDivisionError"),
}


def odd(site: Any, distribution: str, source: str, name: str) -> None:
    """Writes a plugin that is an object of a class."""
    module = distribution.replace("-", "_")
    hooks = HOOKS.replace("{name}", name)
    points = {module: f"{module}:plugin"}
    site.add(distribution, HEAD + source + hooks, entry_points=points)


@pytest.mark.parametrize("case", ODD)
def test_odd_plugins_work_beside_each_other_and_apart(site: Any, case: str) -> None:
    site.network("aaa-good", "first")
    odd(site, "bbb-odd", ODD[case], "one")
    odd(site, "ccc-odd", ODD[case], "two")
    site.add("ddd-broken", "raise ValueError('no')")
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="ddd-broken .* ValueError: no") as caught:
        statuses = {info.distribution: info.status for info in host.plugins()}
    assert len(caught) == 1
    assert statuses.pop("ddd-broken") == "broken"
    assert set(statuses.values()) == {"active"}
    assert list(host.registry("networks")) == ["first", "one", "two", "last"]
    assert list(host.registry("wirings")) == ["one", "two"]
    assert list(host.registry("policies")) == ["one", "two"]
    assert host.resolve_device("auto", str) == "two"
    assert len(host.manager().get_plugins()) == 4


@pytest.mark.parametrize("case", ODD)
def test_kit_checks_an_odd_plugin(alone: Any, case: str) -> None:
    odd(alone, "acme", ODD[case], "one")
    expected = ("wiring one", "network one", "policy one")
    assert {info.status for info in plugins()} == {"active"}
    assert check_plugin("acme:plugin").unchecked == expected
    import acme  # type: ignore[import-not-found]  # which the test has written

    assert check_plugin(acme.plugin).unchecked == expected


@pytest.mark.parametrize("case", SILENT)
def test_plugin_that_shows_no_hooks_provides_nothing(alone: Any, case: str) -> None:
    odd(alone, "acme", SILENT[case], "one")
    alone.network("zzz-good", "last")
    assert [(info.status, info.provides) for info in plugins()] == [
        ("active", ()),
        ("active", ("network last",)),
    ]
    with pytest.raises(CheckError, match="it registers nothing and implements no"):
        check_plugin("acme:plugin")


@pytest.mark.parametrize("case", ANY)
@pytest.mark.filterwarnings("ignore:Plugin 'bad' of bad .* is broken:RuntimeWarning")
def test_others_do_not_notice(site: Any, case: str) -> None:
    site.network("aaa-good", "first")
    odd(site, "bad", ANY[case], "one")
    site.network("zzz-good", "last")
    host = site.host()
    assert {"first", "last"} <= set(host.registry("networks"))
    first, _, last = host.plugins()
    assert (first.status, last.status) == ("active", "active")
    assert site.velora("plugins", "check", "bad").returncode in (0, 1)
    assert "Traceback" not in site.velora("--help").stderr


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_plugin_is_the_only_broken_one(site: Any, case: str) -> None:
    source, words = HOSTILE[case]
    site.network("aaa-good", "first")
    odd(site, "bad", f"class Plugin:\n    {source}", "one")
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning, match=f"'bad' of bad .*{words}"):
        statuses = [info.status for info in host.plugins()]
    assert statuses == ["active", "broken", "active"]
    assert list(host.registry("networks")) == ["first", "last"]
    done = site.velora("plugins", "check", "bad")
    assert (done.returncode, done.stderr) == (1, "")
    assert "bad:plugin is not right:" in done.stdout


@pytest.mark.parametrize("case", HOSTILE)
def test_kit_tells_what_a_hostile_object_does(alone: Any, case: str) -> None:
    source, words = HOSTILE[case]
    hooks = HOOKS.replace("{name}", "one")
    (alone.root / "bad.py").write_text(f"{HEAD}class Plugin:\n    {source}{hooks}")
    import bad  # type: ignore[import-not-found]  # which the test has written

    with pytest.raises(CheckError, match=words):
        check_plugin(bad.plugin)


TWICE = """
from velora.plugins import hookimpl

@hookimpl(specname="velora_{hook}")
def one(): return "left behind"

@hookimpl(specname="velora_{hook}")
def two(): return "left behind"
"""


@pytest.mark.parametrize("hook", ["resolve_device", "register_typo"])
def test_nothing_of_a_broken_plugin_is_left_in_the_manager(
    site: Any, hook: str
) -> None:
    source = TWICE.replace("{hook}", hook)
    source += "@hookimpl\ndef velora_register_networks(): raise ValueError('no')\n"
    site.add("bad", source)
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="'bad' of bad") as caught:
        assert list(host.registry("networks")) == ["last"]
    assert len(caught) == 1
    assert host.resolve_device("auto", str) is None


COMMAND = """
import click
from velora.plugins import hookimpl

class Odd(click.Command):
    {source}

@hookimpl
def velora_register_commands(registry):
    registry.add("odd", Odd("odd"), summary="odd")
    registry.add("even", click.Command("even"), summary="even")
"""
COMMANDS = {
    "def get_short_help_str(self, limit=45): raise SystemExit(3)": "SystemExit: 3",
    "def get_short_help_str(self, limit=45): return None": "AttributeError: ",
    "hidden = property(lambda self: 1 / 0, lambda self, value: None)": "ZeroDivision",
    "def __copy__(self): raise OSError('no')": "OSError: no",
    "help = property(lambda self: {}['\\x1b'], lambda *_: None)": r"KeyError: '\x1b'",
}


@pytest.mark.parametrize("source", COMMANDS)
def test_command_that_cannot_be_shown_is_left_out(site: Any, source: str) -> None:
    site.add("acme", COMMAND.replace("{source}", source))
    done = site.velora("--help")
    assert done.returncode == 0
    assert "  even     even" in done.stdout
    assert "  odd" not in done.stdout
    assert done.stderr.startswith("The command 'odd' of acme is left out: ")
    assert COMMANDS[source] in done.stderr
    assert "Traceback" not in done.stderr
    rows = json.loads(site.velora("plugins", "--json").stdout)
    assert rows[-1]["provides"] == ["command odd", "command even"]
    done = site.velora("odd")
    assert done.returncode == 2
    assert "No such command 'odd'" in done.stderr


def test_builder_that_says_it_is_a_command_is_none(site: Any) -> None:
    source = "__class__ = property(lambda self: 1 / 0)\n    def __repr__(self): 1 / 0"
    text = COMMAND.replace("{source}", source).replace("Odd(click.Command)", "Odd")
    text = text.replace('Odd("odd")', "Odd()").replace(
        "class Odd:", "class Odd:\n    def __call__(self): ..."
    )
    site.add("acme", text)
    done = site.velora("--help")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
