"""An entry given as "module:attribute" is imported when its builder is asked for."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import threading
from typing import Any

import pytest

from velora.plugins import (
    Entry,
    NetworkEntry,
    NetworkRegistry,
    PluginError,
    Registry,
    networks,
    plugins,
)
from velora.plugins.testing import Checked, CheckError, check_plugin

COUNTED = """
from pathlib import Path

with Path(__file__).with_name("imports").open("a") as file:
    file.write("x")

def build(in_features, out_features, *, device=None):
    return (in_features, out_features)

class Inner:
    build = build
"""


def write(site: Any, module: str, source: str) -> None:
    (site.root / f"{module}.py").write_text(source, "utf-8")


def imports(site: Any) -> int:
    file = site.root / "imports"
    return len(file.read_text()) if file.exists() else 0


def plugin(site: Any, path: str, distribution: str = "acme-velora") -> None:
    """Writes a plugin with one network, which it gives as a string."""
    site.add(
        distribution,
        f"""
        from velora.plugins import hookimpl

        @hookimpl
        def velora_register_networks(registry):
            registry.add("acme-lazy", "{path}", recurrent=True, summary="lazy")
        """,
        entry_points={"acme": distribution.replace("-", "_")},
    )


@pytest.fixture
def registry() -> Registry[Entry]:
    return Registry("wiring", Entry)


def test_entry_is_imported_when_its_builder_is_asked_for_and_once(
    site: Any, registry: Registry[Entry]
) -> None:
    write(site, "counted", COUNTED)
    registry.add("ring", "counted:build", summary="a ring")
    entry = registry["ring"]
    assert (entry.name, entry.summary, len(registry)) == ("ring", "a ring", 1)
    assert imports(site) == 0
    assert entry.build(3, 2) == (3, 2)
    del sys.modules["counted"]  # so that a second import would be counted
    assert registry["ring"].build is entry.build
    assert imports(site) == 1


def test_attribute_may_lie_deeper(site: Any, registry: Registry[Entry]) -> None:
    write(site, "counted", COUNTED)
    registry.add("ring", "counted:Inner.build")
    assert registry["ring"].build is sys.modules["counted"].build


def test_threads_that_ask_at_once_import_it_once_and_get_the_same(
    site: Any, registry: Registry[Entry]
) -> None:
    # Another function each time, and a moment to import in.
    source = "import threading\nthreading.Event().wait(0.05)\n" + COUNTED
    source += "\ndef __getattr__(name):\n    return lambda: name\n"
    write(site, "counted", source)
    registry.add("ring", "counted:another")
    asking = threading.Barrier(8)
    found: list[Any] = []

    def ask() -> None:
        asking.wait()
        found.append(registry["ring"].build)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert imports(site) == 1
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "path",
    [
        "",
        "acme",
        "acme.networks",
        "acme:",
        ":build",
        ":",
        "acme:build:more",
        "acme::build",
        "acme..networks:build",
        "acme.:build",
        "acme:Inner.",
        "acme: build",
        "acme:build [extra]",
        "acme-velora:build",
        "acme:3d",
        "acme/networks:build",
    ],
)
def test_malformed_string_is_refused_at_once(
    registry: Registry[Entry], path: str
) -> None:
    with pytest.raises(ValueError, match=r"`build` of the wiring 'ring' must") as error:
        registry.add("ring", path)
    assert str(error.value) == (
        "`build` of the wiring 'ring' must be \"module:attribute\" where it is a "
        f'string, such as "acme.networks:build"; got {path!r}.'
    )
    assert not registry


def test_malformed_string_breaks_its_plugin(site: Any) -> None:
    plugin(site, "acme_lazy")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="ValueError: `build` of the network"):
        assert not host.registry("networks")


FAILING = {
    "no module": ("absent:build", None, "ModuleNotFoundError: No module named"),
    "no attribute": (
        "failing:absent",
        "x = 1",
        "AttributeError: module 'failing' has no attribute 'absent'",
    ),
    "deeper": ("failing:x.y", "x = 1", "AttributeError: 'int' object has no attribute"),
    "not callable": (
        "failing:x",
        "x = 1",
        "TypeError: `build` of the network 'acme-lazy' must be callable; got 1. Pass",
    ),
    "a network that is built": (
        "failing:x",
        "from torch.nn import Linear\nx = Linear(2, 3)",
        "TypeError: `build` of the network 'acme-lazy' must be callable; got Linear(",
    ),
    "raises": (
        "failing:x",
        "raise ValueError('bad table:\\nsecond line')",
        "ValueError: bad table: second line",
    ),
    "library": (
        "failing:x",
        "import no_such_library",
        "ModuleNotFoundError: No module named 'no_such_library'",
    ),
    "exits": ("failing:x", "raise SystemExit(3)", "SystemExit: 3"),
    "syntax": ("failing:x", "def x(:", "SyntaxError: "),
    "asks itself": (
        "failing:x",
        "from velora.plugins import networks\nnetworks()['acme-lazy'].build",
        "PluginError: The network 'acme-lazy' of acme-velora (entry point 'acme') "
        "cannot be loaded from 'failing:x': AttributeError: ",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_failure_names_kind_entry_distribution_entry_point_and_cause(
    alone: Any, case: str
) -> None:
    path, source, words = FAILING[case]
    if source is not None:
        write(alone, "failing", source)
    plugin(alone, path)
    alone.network("zzz-good", "last")
    entry = networks()["acme-lazy"]
    for _ in range(2):  # it is found again, not remembered as something else
        with pytest.raises(PluginError) as caught:
            _ = entry.build
        message = str(caught.value)
        assert message.startswith(
            "The network 'acme-lazy' of acme-velora (entry point 'acme') cannot be "
            f"loaded from {path!r}: {words}"
        )
        assert "\n" not in message
        cause = caught.value.__cause__
        assert type(cause).__name__ == words.split(":")[0]
    assert {info.status for info in plugins()} == {"active"}
    assert networks()["last"].build(1, 1) == "zzz-good"
    assert repr(path) in repr(entry)


def test_failure_of_the_running_program_says_so(registry: Registry[Entry]) -> None:
    registry.add("ring", "no_such_module:ring")
    with pytest.raises(
        PluginError, match=r"^The wiring 'ring' of the running program cannot be loaded"
    ):
        _ = registry["ring"].build


def test_failure_that_is_mended_is_forgotten(
    site: Any, registry: Registry[Entry]
) -> None:
    registry.add("ring", "mended:build")
    write(site, "mended", "raise ValueError")
    with pytest.raises(PluginError):
        _ = registry["ring"].build
    write(site, "mended", COUNTED)
    assert registry["ring"].build(3, 2) == (3, 2)


def test_interrupt_while_it_is_imported_propagates(
    site: Any, registry: Registry[Entry]
) -> None:
    write(site, "interrupted", "raise KeyboardInterrupt")
    registry.add("ring", "interrupted:build")
    with pytest.raises(KeyboardInterrupt):
        _ = registry["ring"].build


def entry_of(path: Any, **fields: Any) -> NetworkEntry:
    registry = NetworkRegistry()
    with registry.booked_to("acme-velora", "acme"):
        registry.add("acme-lazy", path, **fields)
    return registry["acme-lazy"]


def test_entries_are_equal_by_what_they_say_and_nothing_is_imported() -> None:
    first, same = entry_of("absent:build"), entry_of("absent:build")
    others = {
        "path": entry_of("absent:other"),
        "given": entry_of(dict),
        "recurrent": entry_of("absent:build", recurrent=True),
        "summary": entry_of("absent:build", summary="x"),
    }
    assert first == same
    assert hash(first) == hash(same)
    assert len({first, same, *others.values()}) == 1 + len(others)
    assert all(first != other for other in others.values())
    assert entry_of(dict) == entry_of(dict)
    assert first != "absent:build"
    assert Entry("a", dict, "", None) != NetworkEntry("a", dict, "", None)


def test_repr_is_readable_and_imports_nothing() -> None:
    assert repr(entry_of("absent:build", recurrent=True, summary="lazy")) == (
        "NetworkEntry(name='acme-lazy', build='absent:build', summary='lazy', "
        "distribution='acme-velora', override=False, entry_point='acme', "
        "recurrent=True)"
    )


def test_entry_stays_as_it_is(site: Any) -> None:
    write(site, "counted", COUNTED)
    entry = entry_of("counted:build")
    before = repr(entry), hash(entry)
    assert entry.build(3, 2) == (3, 2)
    assert (repr(entry), hash(entry)) == before
    assert entry == entry_of("counted:build")
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.build = dict  # type: ignore[misc]  # what is tested
    assert dataclasses.replace(entry, name="other").build is entry.build


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, None], ids=repr)
@pytest.mark.parametrize("loaded", [False, True])
def test_entry_survives_copies_and_pickles_by_its_string(
    site: Any, again: Any, loaded: bool
) -> None:
    write(site, "counted", COUNTED + "\nnamed = lambda: 'nameless'\n")
    entry = entry_of("counted:named")  # which by itself cannot be pickled
    if loaded:
        assert entry.build() == "nameless"
    again = again or (lambda entry: pickle.loads(pickle.dumps(entry)))
    other = again(entry)
    assert imports(site) == loaded
    assert other == entry
    assert other.build() == "nameless"
    given = entry_of(dict)
    assert again(given) == given
    assert again(given).build is dict


def test_plugin_of_lazy_entries_is_listed_without_importing_them(site: Any) -> None:
    plugin(site, "absent:build")
    done = site.velora("plugins")
    assert (done.returncode, done.stderr) == (0, "")
    assert "acme of acme-velora 1.0 is active\n    network: acme-lazy" in done.stdout


def test_entries_know_their_entry_point(site: Any) -> None:
    plugin(site, "absent:build")
    site.network("other", "eager")
    registry = site.host().registry("networks")
    registry.add("mine", dict)
    found = {name: (e.distribution, e.entry_point) for name, e in registry.items()}
    assert found == {
        "acme-lazy": ("acme-velora", "acme"),
        "eager": ("other", "other"),
        "mine": (None, None),
    }


CHECKER = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_checks(registry):
    registry.add("network", "{path}", summary="a check")
"""


def test_check_imports_entries_and_is_content_with_what_is_right(alone: Any) -> None:
    write(alone, "counted", COUNTED)
    plugin(alone, "counted:build")
    assert check_plugin("acme_velora") == Checked((), ("network acme-lazy",))
    assert imports(alone) == 1


def test_check_reports_what_cannot_be_imported_beside_the_rest(alone: Any) -> None:
    write(
        alone,
        "acme",
        CHECKER.replace("{path}", "absent:check")
        + """
@hookimpl
def velora_register_networks(registry):
    registry.add("first", "absent:build", summary="lazy")
    registry.add("second", "json:absent")
""",
    )
    with pytest.raises(CheckError) as caught:
        check_plugin("acme")
    absent = "cannot be loaded from 'absent:{}': ModuleNotFoundError: No module named "
    assert caught.value.failures == (
        "network first: PluginError: The network 'first' of acme "
        + absent.format("build")
        + "'absent'",
        "network second: `summary` must be one line; got ''.",
        "network second: PluginError: The network 'second' of acme cannot be loaded "
        "from 'json:absent': AttributeError: module 'json' has no attribute 'absent'",
        "check network: PluginError: The check 'network' of acme "
        + absent.format("check")
        + "'absent'",
    )
    assert isinstance(caught.value.__cause__, PluginError)


def test_check_that_cannot_be_imported_is_said_of_what_it_would_check(
    alone: Any,
) -> None:
    alone.add("checker", CHECKER.replace("{path}", "absent:check"))
    alone.network("acme", "first", "summary='first'")
    with pytest.raises(CheckError) as caught:
        check_plugin("acme")
    (failure,) = caught.value.failures
    assert failure.startswith(
        "network first: PluginError: The check 'network' of checker (entry point "
        "'checker') cannot be loaded from 'absent:check': ModuleNotFoundError: "
    )


def test_command_line_check_says_what_cannot_be_imported(site: Any) -> None:
    plugin(site, "absent:build")
    done = site.velora("plugins", "check", "acme-velora")
    assert (done.returncode, done.stderr) == (1, "")
    assert "cannot be loaded from 'absent:build'" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout


COMMANDS = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_commands(registry):
    registry.add("greet", "greeting:greet", summary="Greets.")
    registry.add("lost", "absent:lost", summary="Is nowhere.")
"""
GREETING = """
import click

@click.command()
def greet():
    click.echo("hello")
"""
LOST = "The command 'lost' of acme (entry point 'acme') cannot be loaded from 'absent:"


def test_command_is_imported_when_it_is_run(site: Any) -> None:
    write(site, "greeting", GREETING)
    site.add("acme", COMMANDS)
    done = site.velora("greet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


def test_command_that_cannot_be_imported_is_left_out_with_its_cause(site: Any) -> None:
    write(site, "greeting", GREETING)
    site.add("acme", COMMANDS)
    done = site.velora("--help")
    assert done.returncode == 0
    assert "greet    Greets." in done.stdout
    assert "  lost" not in done.stdout
    assert done.stderr.startswith(LOST)
    assert len(done.stderr.splitlines()) == 1
    done = site.velora("lost")
    assert done.returncode == 2
    assert done.stderr.count(LOST) == 1
    assert "No such command 'lost'" in done.stderr
