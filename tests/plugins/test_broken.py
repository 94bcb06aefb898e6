"""One broken plugin is named with its cause, and every other plugin works."""

from __future__ import annotations

import dataclasses
import json
from itertools import takewhile
from typing import Any

import pytest
from click.testing import CliRunner

from velora.cli.group import velora as command
from velora.plugins import PluginError, PluginInfo

HOOK = "from velora.plugins import hookimpl\n@hookimpl\n"
# The distribution is called as the case; the words stand in its cause.
BROKEN: dict[str, tuple[str, list[str]]] = {
    "raises": (
        "raise ValueError('bad [/red] table: :ok:\\nsecond line')",
        ["ValueError: bad [/red] table: :ok: second line"],
    ),
    "raises-nothing-to-say": ("raise ValueError", ["ValueError"]),
    "library": (
        "import no_such_library",
        ["ModuleNotFoundError: No module named 'no_such_library'"],
    ),
    "exits": ("import sys; sys.exit(3)", ["SystemExit: 3"]),
    "syntax": ("def velora_register_networks(:", ["SyntaxError"]),
    "misspelled": (
        HOOK + "def velora_register_netwroks(registry): ...",
        ["PluginValidationError", "unknown hook 'velora_register_netwroks'"],
    ),
    "argument": (
        HOOK + "def velora_register_networks(registry, colour): ...",
        ["PluginValidationError", "velora_register_networks", "{'colour'}"],
    ),
    "hook-raises": (
        HOOK + "def velora_register_policies(registry): registry.missing",
        ["AttributeError", "missing"],
    ),
    "hook-exits": (
        HOOK + "def velora_register_commands(registry): raise SystemExit('no')",
        ["SystemExit: no"],
    ),
    "not-callable": (
        HOOK + "def velora_register_networks(registry): registry.add('x', 3)",
        ["TypeError", "`build` of the network 'x' must be callable"],
    ),
    "built": (
        "from torch.nn import Linear\n"
        + HOOK
        + "def velora_register_networks(registry): registry.add('x', Linear(2, 3))",
        ["TypeError: `build` of the network 'x' must be callable; got Linear("],
    ),
}


def add_all(site: Any) -> dict[str, list[str]]:
    """Writes every broken plugin between two that work; returns the causes."""
    site.network("aaa-good", "first")
    site.network("zzz-good", "last")
    for name, (source, _) in BROKEN.items():
        site.add(name, source)
    site.add("absent-module", entry_points={"absent_module": "absent_module"})
    site.add("absent-name", "x = 1", entry_points={"absent_name": "absent_name:y"})
    site.add("none", "x = None", entry_points={"none": "none:x"})
    site.add("malformed", "x = 1", entry_points={"malformed": "no entry: point!"})
    return {name: words for name, (_, words) in BROKEN.items()} | {
        "absent-module": ["ModuleNotFoundError", "No module named 'absent_module'"],
        "absent-name": ["AttributeError", "has no attribute 'y'"],
        "none": ["PluginError", "names None"],
        "malformed": ["Error"],
    }


def load(site: Any) -> tuple[dict[str | None, PluginInfo], Any]:
    """Loads all into a host; returns what became of each, and the warnings."""
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        infos = {info.distribution: info for info in host.plugins()}
    assert list(host.registry("networks")) == ["first", "last"]
    return infos, caught


@pytest.mark.parametrize("name", BROKEN)
def test_broken_plugin_alone_is_reported_and_leaves_nothing_behind(
    site: Any, name: str
) -> None:
    source, words = BROKEN[name]
    site.network("aaa-good", "first")
    site.network("zzz-good", "last")
    module = site.add(name, source, version="2.5")
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        networks = host.registry("networks")
    (warning,) = caught
    message = str(warning.message)
    assert f"{module!r} of {name} (entry point {module})" in message
    info = {info.distribution: info for info in host.plugins()}[name]
    assert (info.name, info.version, info.status) == (module, "2.5", "broken")
    for word in words:
        assert word in message
        assert word in str(info.error)
    assert "\n" not in str(info.error)
    assert info.provides == ()
    assert list(networks) == ["first", "last"]
    left = {name for name, _ in host.manager().list_name_plugin()}
    assert {name.split("'")[1] for name in left} == {"aaa_good", "zzz_good"}


def test_all_broken_together_are_reported_one_by_one(site: Any) -> None:
    causes = add_all(site)
    infos, caught = load(site)
    assert infos.keys() == causes.keys() | {"aaa-good", "zzz-good"}
    assert len(caught) == len(causes)
    for name, words in causes.items():
        assert infos[name].status == "broken"
        assert all(word in str(infos[name].error) for word in words)
    assert infos["aaa-good"] == PluginInfo(
        "aaa_good", "aaa-good", "1.0", "active", provides=("network first",)
    )


def test_json_shows_distribution_entry_point_and_cause(site: Any) -> None:
    causes = add_all(site)
    done = site.velora("plugins", "--json")
    assert done.returncode == 1
    rows = {row["distribution"]: row for row in json.loads(done.stdout)}
    fields = {field.name for field in dataclasses.fields(PluginInfo)}
    assert all(set(row) == fields for row in rows.values())
    for name, words in causes.items():
        assert rows[name]["name"] == name.replace("-", "_")
        assert rows[name]["status"] == "broken"
        assert all(word in rows[name]["error"] for word in words)
    assert rows["zzz-good"]["status"] == "active"
    assert rows["zzz-good"]["provides"] == ["network last"]
    assert rows["zzz-good"]["error"] is None


def test_causes_are_readable_at_80_columns(site: Any) -> None:
    causes = add_all(site)
    done = site.velora("plugins")
    assert done.returncode == 1
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "…" not in done.stdout
    flat = " ".join(done.stdout.split())
    for name, words in causes.items():
        assert f"{name.replace('-', '_')} of {name} 1.0 is broken: " in flat
        assert all(word in flat for word in words)
    assert "zzz_good of zzz-good 1.0 is active\n    network: last" in done.stdout


MANY = """
from velora.plugins import hookimpl

names = [f"acme-velora.Network-{n}" for n in range(9)]

@hookimpl
def velora_register_networks(registry):
    for name in [*names, "spaced name", "x" * 70]:
        registry.add(name, dict)

@hookimpl
def velora_register_wirings(registry):
    registry.add("ring", dict)
"""


@pytest.mark.parametrize("columns", [60, 80])
def test_names_break_only_at_spaces_and_a_kind_is_said_once(
    site: Any, columns: int
) -> None:
    site.add("acme", MANY)
    done = site.velora("plugins", columns=columns)
    assert done.returncode == 0
    rest = done.stdout.partition("acme of acme 1.0 is active\n")[2].splitlines()
    lines = list(takewhile(lambda line: line.startswith(" "), rest))
    assert lines[0] == "    wiring: ring"
    assert lines[1].startswith("    network: acme-velora.Network-0, acme-velora.Netw")
    names = [f"acme-velora.Network-{n}" for n in range(9)]
    joined = " ".join(line.strip() for line in lines[1:])
    assert joined == "network: " + ", ".join([*names, "spaced name", "x" * 70])
    wide = [line for line in lines if len(line) > columns]
    assert all(line.strip() == "x" * 70 for line in wide)
    assert not any(line.endswith(" ") for line in lines)
    assert done.stdout.count("network:") == 1


def test_no_plugin_at_all_is_said(alone: Any) -> None:
    done = CliRunner().invoke(command, ["plugins"])
    assert (done.exit_code, done.output) == (0, "No plugin is installed.\n")


def test_working_plugins_make_the_command_exit_with_0(site: Any) -> None:
    site.network("acme", "first")
    for arguments in (["plugins"], ["plugins", "--json"]):
        done = site.velora(*arguments)
        assert done.returncode == 0
        assert done.stderr == ""
        assert "first" in done.stdout
        assert "broken" not in done.stdout


def test_json_stays_pure_where_a_plugin_prints(site: Any) -> None:
    site.add("loud", "print('hello from loud')")
    done = site.velora("plugins", "--json")
    assert "loud" in {row["name"] for row in json.loads(done.stdout)}
    assert "hello from loud" in done.stderr


HALF_WAY = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_wirings(registry):
    registry.add("half", dict)

@hookimpl
def velora_register_networks(registry):
    registry.add("half", dict)
    registry.add("first", dict, override=True)

@hookimpl
def velora_register_extractors(registry):
    registry.add("half", dict)
    raise RuntimeError("half-way")

@hookimpl
def velora_resolve_device(device):
    return "half"
"""


def test_plugin_that_fails_half_way_is_taken_back_everywhere(site: Any) -> None:
    site.network("aaa-good", "first")
    site.network("zzz-good", "half")  # the name that the broken one had for a while
    site.add("half", HALF_WAY)
    host = site.host()
    with pytest.warns(RuntimeWarning, match="'half' of half .*RuntimeError: half-way"):
        networks = host.registry("networks")
    assert {name: entry.distribution for name, entry in networks.items()} == {
        "first": "aaa-good",
        "half": "zzz-good",
    }
    assert networks["first"].build(1, 1) == "aaa-good"
    assert not host.registry("wirings")
    assert not host.registry("extractors")
    assert host.resolve_device("auto", str) is None


def test_name_claimed_twice_names_both_distributions(site: Any) -> None:
    site.network("aaa-good", "first")
    site.network("thief", "first")
    site.network("zzz-good", "last")
    infos, caught = load(site)
    assert infos["aaa-good"].status == infos["zzz-good"].status == "active"
    assert infos["thief"].status == "broken"
    claimed = "'first' is claimed twice: by aaa-good and by thief"
    assert claimed in str(infos["thief"].error)
    assert claimed in str(caught[0].message)
    done = site.velora("plugins")
    assert done.returncode == 1
    assert claimed in " ".join(done.stdout.split())


def test_thief_of_a_name_of_velora_is_the_broken_one(site: Any) -> None:
    site.network("acme-liquid", "liquid")
    site.network("velora-lnn", "liquid")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="by velora-lnn and by acme-liquid"):
        entry = host.registry("networks")["liquid"]
    assert entry.distribution == "velora-lnn"
    statuses = {info.distribution: info.status for info in host.plugins()}
    assert statuses == {"velora-lnn": "active", "acme-liquid": "broken"}


@pytest.mark.parametrize("name", ["aaa-override", "zzz-override"])
def test_override_wins_whichever_is_loaded_first(site: Any, name: str) -> None:
    site.network("good", "first")
    site.network(name, "first", "override=True")
    host = site.host()
    entry = host.registry("networks")["first"]
    assert (entry.distribution, entry.build(1, 1)) == (name, name)
    provides = {info.distribution: info.provides for info in host.plugins()}
    assert provides[name] == ("network first",)
    assert {info.status for info in host.plugins()} == {"active"}


def test_same_object_under_two_entry_points_is_loaded_once(site: Any) -> None:
    site.network("aaa-good", "first")
    site.network("zzz-good", "last")
    site.add("twice", entry_points={"again": "aaa_good"})
    infos, caught = load(site)
    assert infos["aaa-good"].status == infos["zzz-good"].status == "active"
    assert infos["twice"].status == "broken"
    same = "names the same object as 'aaa_good' of aaa-good (entry point aaa_good)"
    assert same in str(infos["twice"].error)
    assert "'again' of twice (entry point aaa_good)" in str(caught[0].message)


def test_entry_point_declared_twice_is_one_plugin(site: Any) -> None:
    site.network("acme", "first", "recurrent=True")
    host = site.host()
    host._find = lambda: [*site.find(), *site.find()]
    assert [info.status for info in host.plugins()] == ["active"]
    assert list(host.registry("networks")) == ["first"]
    assert len(host.manager().get_plugins()) == 1


def test_same_plugin_name_from_two_distributions_keeps_both(site: Any) -> None:
    site.network("aaa-good", "first")
    site.network("zzz-good", "last")
    for name in ("aaa-good", "zzz-good"):
        module = name.replace("-", "_")
        info = site.root / f"{module}-1.0.dist-info" / "entry_points.txt"
        info.write_text(f"[velora]\nnets = {module}\n")
    host = site.host()
    assert [(i.name, i.distribution, i.status) for i in host.plugins()] == [
        ("nets", "aaa-good", "active"),
        ("nets", "zzz-good", "active"),
    ]
    assert list(host.registry("networks")) == ["first", "last"]


def test_distribution_without_metadata_still_works(site: Any) -> None:
    site.network("acme", "first")
    (site.root / "acme-1.0.dist-info" / "METADATA").unlink()
    (info,) = site.host().plugins()
    assert (info.name, info.status) == ("acme", "active")


def test_strict_raises_chained_and_again_the_same(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    site.network("aaa-good", "first")
    site.add("library", BROKEN["library"][0])
    site.network("zzz-good", "last")
    host = site.host()
    messages = []
    for ask in (host.plugins, lambda: host.registry("networks"), host.manager):
        with pytest.raises(PluginError, match="'library' of library") as caught:
            ask()
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)
        messages.append(str(caught.value))
    assert len(set(messages)) == 1
    assert "No module named 'no_such_library'" in messages[0]


def test_strict_that_is_lifted_finds_everything(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    add_all(site)
    host = site.host()
    with pytest.raises(PluginError):
        host.plugins()
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "0")
    with pytest.warns(RuntimeWarning):
        statuses = [info.status for info in host.plugins()]
    assert len(statuses) == len(BROKEN) + 6
    assert statuses.count("active") == 2
    assert list(host.registry("networks")) == ["first", "last"]


@pytest.mark.parametrize("value", ["true", " 1", "2"])
def test_strict_that_means_nothing_is_warned_of_once(
    site: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", value)
    site.network("aaa-good", "first")
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        host.plugins()
    assert list(host.registry("networks")) == ["first"]  # and says it no more
    (warning,) = caught
    assert f"STRICT_PLUGINS must be 1 or 0; got {value!r}" in str(warning.message)


@pytest.mark.parametrize("value", ["", "0", "1"])
def test_strict_with_working_plugins_says_nothing(
    site: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", value)
    site.network("acme", "first")
    assert list(site.host().registry("networks")) == ["first"]


@pytest.mark.parametrize("arguments", [["--help"], ["something"]])
def test_strict_command_prints_the_error_without_traceback(
    site: Any, arguments: list[str]
) -> None:
    site.add("library", BROKEN["library"][0])
    done = site.velora(*arguments, strict="1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: Plugin 'library' of library")
    assert "No module named 'no_such_library'" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["plugins"], ["plugins", "--json"], ["plugins", "check", "acme"]]
)
def test_strict_changes_nothing_for_the_commands_that_find_faults(
    site: Any, arguments: list[str]
) -> None:
    site.network("acme", "first", "summary='first'")
    site.add("library", BROKEN["library"][0])
    plain = site.velora(*arguments)
    strict = site.velora(*arguments, strict="1")
    assert (strict.stdout, strict.stderr) == (plain.stdout, "")
    assert strict.returncode == plain.returncode == (0 if "check" in arguments else 1)
    assert "acme" in strict.stdout
