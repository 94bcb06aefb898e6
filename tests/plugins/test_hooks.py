"""Every hook is documented, and every hook does what its documentation says."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest

import velora.plugins
from velora.plugins import PluginError, spec

HOOKS = {
    name: function
    for name, function in vars(spec).items()
    if hasattr(function, "velora_spec")
}
REGISTRIES = ["wirings", "networks", "policies", "extractors", "commands"]
REGISTRIES += ["facts", "checks"]


def test_hooks_are_known() -> None:
    expected = {f"velora_register_{name}" for name in REGISTRIES}
    assert set(HOOKS) == expected | {"velora_resolve_device"}
    specified = {name for name in vars(spec) if name.startswith("velora_")}
    assert specified == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_hook_documents_each_argument(name: str) -> None:
    doc = inspect.getdoc(HOOKS[name])
    assert doc is not None
    arguments = inspect.signature(HOOKS[name]).parameters
    assert arguments
    section = doc.split("Args:\n")[1].split("\n\n")[0]
    documented = re.findall(r"^    (\w+): \S", section, re.MULTILINE)
    assert documented == list(arguments)


@pytest.mark.parametrize("name", HOOKS)
def test_hook_is_called_with_each_argument(site: Any, name: str) -> None:
    arguments = ", ".join(inspect.signature(HOOKS[name]).parameters)
    site.add(
        "acme",
        f"""
        from velora.plugins import hookimpl
        calls = []

        @hookimpl
        def {name}({arguments}):
            calls.append(({arguments},))
        """,
    )
    host = site.host()
    host.plugins()
    if name == "velora_resolve_device":
        assert host.resolve_device("auto", str) is None
        expected: Any = "auto"
    else:
        expected = host.registry(name.removeprefix("velora_register_"))
    (plugin,) = host.manager().get_plugins()
    ((argument,),) = plugin.calls
    assert argument is expected


@pytest.mark.parametrize("name", HOOKS)
def test_hook_may_leave_its_arguments_out(site: Any, name: str) -> None:
    site.add(
        "acme",
        f"""
        from velora.plugins import hookimpl

        @hookimpl
        def {name}():
            return "called"
        """,
    )
    host = site.host()
    (info,) = host.plugins()
    assert info.status == "active"
    assert host.resolve_device("auto", str) == (
        "called" if name == "velora_resolve_device" else None
    )


ALL = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_wirings(registry):
    registry.add("w", dict)

@hookimpl
def velora_register_networks(registry):
    registry.add("n", dict, recurrent=True, summary="a network")

@hookimpl
def velora_register_policies(registry):
    registry.add("p", dict)

@hookimpl
def velora_register_extractors(registry):
    registry.add("e", dict)

@hookimpl
def velora_register_commands(registry):
    registry.add("c", dict)

@hookimpl
def velora_register_facts(registry):
    registry.add("f", str)

@hookimpl
def velora_register_checks(registry):
    registry.add("network", dict)

@hookimpl
def velora_resolve_device(device):
    return "meta"
"""
PROVIDES = ["wiring w", "network n", "policy p", "extractor e", "command c"]
PROVIDES += ["fact f", "check network"]


def test_registries_of_the_process_hold_what_a_plugin_registers(site: Any) -> None:
    site.add("acme", ALL)
    done = site.python(
        "-c",
        """if True:
        import dataclasses, json, velora.plugins as v
        registries = [v.wirings, v.networks, v.policies, v.extractors]
        registries += [v.commands, v.facts, v.checks]
        print(json.dumps({
            "names": [list(registry()) for registry in registries],
            "recurrent": v.networks()["n"].recurrent,
            "device": v.resolve_device("auto"),
            "owners": [e.distribution for r in registries for e in r().values()],
            "info": [vars(i) for i in v.plugins() if i.status == "active"],
            "plugins": len(v.manager().get_plugins()),
        }))
        """,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "names": [["w"], ["n"], ["p"], ["e"], ["c"], ["f"], ["network"]],
        "recurrent": True,
        "device": "meta",
        "owners": ["acme"] * 7,
        "info": [
            {
                "name": "acme",
                "distribution": "acme",
                "version": "1.0",
                "status": "active",
                "error": None,
                "provides": PROVIDES,
            }
        ],
        "plugins": 1,
    }


def test_registries_of_the_process_know_their_kind() -> None:
    kinds = [getattr(velora.plugins, name)().kind for name in REGISTRIES]
    assert kinds[:4] == ["wiring", "network", "policy", "extractor"]
    assert kinds[4:] == ["command", "fact", "check"]


def test_plugin_may_be_an_object_with_methods(site: Any) -> None:
    site.add(
        "acme",
        """
        from velora.plugins import hookimpl

        class Plugin:
            @hookimpl
            def velora_register_networks(self, registry):
                registry.add("method", dict)

        plugin = Plugin()
        """,
        entry_points={"acme": "acme:plugin"},
    )
    assert list(site.host().registry("networks")) == ["method"]


def answer(site: Any, distribution: str, body: str, options: str = "") -> None:
    """Writes a plugin that answers for devices."""
    site.add(
        distribution,
        f"""
        from velora.plugins import hookimpl

        @hookimpl({options})
        def velora_resolve_device(device):
            {body}
        """,
    )


def test_device_is_the_first_answer_of_the_last_plugin(site: Any) -> None:
    answer(site, "aaa", "return 'first loaded'")
    answer(site, "zzz", "return 'last loaded'")
    assert site.host().resolve_device("auto", str) == "last loaded"


def test_device_of_tryfirst_comes_before(site: Any) -> None:
    answer(site, "aaa", "return 'first'", "tryfirst=True")
    answer(site, "zzz", "raise RuntimeError('never asked')")
    assert site.host().resolve_device("auto", str) == "first"


def test_none_passes_the_device_on(site: Any) -> None:
    answer(site, "aaa", "return device.upper()")
    answer(site, "zzz", "return None")
    assert site.host().resolve_device("auto", str) == "AUTO"


def test_falsy_device_is_an_answer(site: Any) -> None:
    answer(site, "aaa", "return 1")
    answer(site, "zzz", "return 0")
    assert site.host().resolve_device("auto", int) == 0


def test_device_is_none_where_nobody_answers(site: Any) -> None:
    assert site.host().resolve_device("auto", str) is None


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("raise ValueError('no such device')", "ValueError: no such device"),
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("return 'x'", "ValueError: invalid literal for int.*'x'"),
    ],
)
def test_plugin_that_cannot_answer_is_skipped_by_name(
    site: Any, body: str, cause: str
) -> None:
    answer(site, "aaa", "return 7")
    answer(site, "zzz", body)
    host = site.host()
    with pytest.warns(
        RuntimeWarning, match=rf"Plugin 'zzz' of zzz .*could not .*device: {cause}"
    ):
        assert host.resolve_device("auto", int) == 7
    assert {info.status for info in host.plugins()} == {"active"}


@pytest.mark.parametrize("body", ["raise ValueError('x')", "return 'x'"])
def test_strict_plugin_that_cannot_answer_raises(
    site: Any, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    answer(site, "aaa", "return 7")
    answer(site, "zzz", body)
    host = site.host()
    with pytest.raises(PluginError, match="'zzz' of zzz") as caught:
        host.resolve_device("auto", int)
    assert isinstance(caught.value.__cause__, ValueError)


def test_interrupt_while_a_device_is_resolved_propagates(site: Any) -> None:
    answer(site, "zzz", "raise KeyboardInterrupt")
    host = site.host()
    with pytest.raises(KeyboardInterrupt):
        host.resolve_device("auto", str)


@pytest.mark.parametrize("options", ["wrapper=True", "hookwrapper=True"])
def test_wrapper_is_not_taken_for_an_answer(site: Any, options: str) -> None:
    answer(site, "aaa", "return 'plain'")
    answer(site, "zzz", "return (yield)", options)
    assert site.host().resolve_device("auto", str) == "plain"
