"""A hook that would do nothing when it is called breaks its plugin, with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from velora.plugins import PluginError
from velora.plugins.testing import CheckError, check_plugin

HEAD = "from velora.plugins import hookimpl\n"
ADD = "registry.add('mine', dict, summary='mine')"
# The definition of `{name}`, and what is said of it.
KINDS = {
    "async": (
        "@hookimpl\nasync def {name}({arguments}): {body}",
        "it is an async function",
    ),
    "generator": (
        "@hookimpl\ndef {name}({arguments}):\n    {body}\n    yield",
        "it is a generator",
    ),
    "async generator": (
        "@hookimpl\nasync def {name}({arguments}):\n    {body}\n    yield",
        "it is an async generator",
    ),
    "awaitable": (
        "async def work({arguments}): {body}\n"
        "@hookimpl\ndef {name}({arguments}): return work({arguments})",
        "it returned one of the class coroutine",
    ),
    "generator expression": (
        "@hookimpl\ndef {name}({arguments}):\n"
        "    def work(): {body}\n    return (work() for _ in [1])",
        "it returned one of the class generator",
    ),
    "map": (
        "@hookimpl\ndef {name}({arguments}):\n"
        "    def work(_): {body}\n    return map(work, [1])",
        "it returned one of the class map",
    ),
    "async iterator": (
        "class Later:\n    def __aiter__(self): return self\n"
        "    async def __anext__(self): ...\n"
        "@hookimpl\ndef {name}({arguments}): return Later()",
        "it returned one of the class Later",
    ),
    "decorated": (
        "import functools\ndef decorator(function):\n"
        "    @functools.wraps(function)\n"
        "    async def inner({arguments}): return function({arguments})\n"
        "    return inner\n"
        "@hookimpl\n@decorator\ndef {name}({arguments}): {body}",
        "it is an async function",
    ),
}
WRAPPERS = {
    option: f"@hookimpl({option}=True)\n"
    "def {name}({arguments}):\n    {body}\n    return (yield)"
    for option in ("wrapper", "hookwrapper")
}


def source(definition: str, hook: str = "velora_register_networks") -> str:
    argument, body = ("registry", ADD) if "register" in hook else ("device", "pass")
    words = {"name": hook, "arguments": argument, "body": body}
    for word, value in words.items():
        definition = definition.replace(f"{{{word}}}", value)
    return HEAD + definition + "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_register_hook_breaks_its_plugin_and_no_other(site: Any, kind: str) -> None:
    definition, words = KINDS[kind]
    site.add("acme", source(definition))
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:  # and none of what never was awaited
        broken, good = host.plugins()
    (warning,) = caught
    assert (broken.status, good.status) == ("broken", "active")
    assert broken.error == (
        "PluginError: the hook `velora_register_networks`: it must do its work when it "
        f"is called, and {words}, which nobody runs. Make it a plain function, without "
        "async and yield."
    )
    assert str(warning.message).endswith(broken.error)
    assert list(host.registry("networks")) == ["last"]


@pytest.mark.parametrize("kind", KINDS)
def test_strict_makes_it_an_error(
    site: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    definition, words = KINDS[kind]
    site.add("acme", source(definition))
    with pytest.raises(PluginError, match=rf"'acme' of acme \(entry .*{words}"):
        site.host().plugins()


@pytest.mark.parametrize("kind", KINDS)
def test_kit_says_so(alone: Any, kind: str) -> None:
    definition, words = KINDS[kind]
    (alone.root / "acme.py").write_text(source(definition))
    with pytest.raises(CheckError) as caught:
        check_plugin("acme")
    (failure,) = caught.value.failures
    assert failure.startswith("velora_register_networks: ")
    assert f"and {words}, which nobody runs" in failure


@pytest.mark.parametrize("kind", ["async", "generator", "async generator"])
def test_hook_of_devices_breaks_its_plugin(alone: Any, kind: str) -> None:
    definition, words = KINDS[kind]
    alone.add("acme", source(definition, "velora_resolve_device"))
    host = alone.host()
    with pytest.warns(RuntimeWarning, match="hook `velora_resolve_device`") as caught:
        assert host.resolve_device("auto", str) is None
    assert len(caught) == 1
    (info,) = host.plugins()
    assert info.status == "broken"
    assert words in str(info.error)
    (alone.root / "bare.py").write_text(source(definition, "velora_resolve_device"))
    with pytest.raises(CheckError, match=f"velora_resolve_device: .*{words}"):
        check_plugin("bare")


@pytest.mark.parametrize("kind", ["awaitable", "generator expression", "map"])
def test_answer_that_nobody_runs_is_no_device(site: Any, kind: str) -> None:
    definition, words = KINDS[kind]
    site.add("acme", source(definition, "velora_resolve_device"))
    host = site.host()
    with pytest.warns(RuntimeWarning, match=f"could not resolve .*{words}") as caught:
        assert host.resolve_device("auto", str) is None
    assert len(caught) == 1


@pytest.mark.parametrize("option", WRAPPERS)
def test_wrapper_of_a_register_hook_breaks_its_plugin(site: Any, option: str) -> None:
    site.add("acme", source(WRAPPERS[option]))
    host = site.host()
    with pytest.warns(RuntimeWarning, match="it is a generator, which nobody runs"):
        assert list(host.registry("networks")) == []


@pytest.mark.parametrize("kind", ["async", "generator"])
def test_method_is_held_to_it_as_well(site: Any, kind: str) -> None:
    definition, words = KINDS[kind]
    body = (
        source(definition).partition("\n")[2].replace("(registry)", "(self, registry)")
    )
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    site.add("acme", f"{HEAD}class Plugin:\n{lines}\nplugin = Plugin()\n")
    points = site.root / "acme-1.0.dist-info" / "entry_points.txt"
    points.write_text("[velora]\nacme = acme:plugin\n")
    host = site.host()
    with pytest.warns(RuntimeWarning, match=words):
        assert list(host.registry("networks")) == []


def test_hook_of_another_host_may_be_what_it_likes(site: Any) -> None:
    foreign = "@hookimpl(optionalhook=True)\nasync def acme_hook(): ...\n"
    plain = f"@hookimpl\ndef velora_register_networks(registry): {ADD}\n"
    site.add("acme", HEAD + foreign + plain)
    assert list(site.host().registry("networks")) == ["mine"]


@pytest.mark.parametrize("value", ["[1]", "'said'", "{}", "range(3)", "object()"])
def test_what_a_hook_returns_is_nobodys_business(site: Any, value: str) -> None:
    body = f"def velora_register_networks(registry):\n    {ADD}\n    return {value}\n"
    site.add("acme", f"{HEAD}@hookimpl\n{body}")
    assert list(site.host().registry("networks")) == ["mine"]
