"""A plugin that names a deprecated argument works, and its author is told.

The specification is one of the future, in which `registry` of one hook was called
`nets` before.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from velora.plugins import NetworkRegistry, hookspec, plugins, process, spec
from velora.plugins.catalog import Catalog
from velora.plugins.host import PluginHost
from velora.plugins.testing import check, check_plugin

WORDS = (
    "the argument `nets` of the hook `velora_register_networks` is now called "
    "`registry`, and goes in 0.3"
)


@hookspec(warn_on_impl_args={"nets": FutureWarning(WORDS)})
def velora_register_networks(
    registry: NetworkRegistry, nets: NetworkRegistry
) -> None: ...


FUTURE = ModuleType("future_spec")
vars(FUTURE).update(vars(spec), velora_register_networks=velora_register_networks)


def host(site: Any) -> PluginHost:
    return PluginHost(site.find, FUTURE)


def plugin(site: Any, name: str, arguments: str, registry: str) -> None:
    site.add(
        name,
        f"""
        from velora.plugins import hookimpl

        @hookimpl
        def velora_register_networks({arguments}):
            {registry}.add("{name}", dict, summary="a network")
        """,
    )


@pytest.mark.parametrize("arguments", ["nets", "registry, nets", "nets, registry"])
def test_plugin_that_names_the_old_argument_works_and_is_warned(
    site: Any, arguments: str
) -> None:
    plugin(site, "old", arguments, "nets")
    plugin(site, "new", "registry", "registry")
    future = host(site)
    with pytest.warns(FutureWarning) as caught:
        assert list(future.registry("networks")) == ["new", "old"]
    (warning,) = caught  # the plugin that names the new one is not warned
    assert str(warning.message) == WORDS
    assert warning.filename == sys.modules["old"].__file__
    assert warning.lineno == 4
    assert {info.status for info in future.plugins()} == {"active"}


def test_plugin_that_names_the_new_argument_is_not_warned(site: Any) -> None:
    plugin(site, "new", "registry", "registry")
    assert list(host(site).registry("networks")) == ["new"]


def test_check_warns_the_author_and_finds_nothing_wrong(
    alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "Catalog", lambda: Catalog(FUTURE))
    plugin(alone, "old", "nets", "nets")
    monkeypatch.setattr(process, "host", host(alone))
    with pytest.warns(FutureWarning):
        plugins()
    with pytest.warns(FutureWarning) as caught:
        checked = check_plugin("old")
    assert checked.unchecked == ("network old",)
    assert [str(warning.message) for warning in caught] == [WORDS]


def test_removed_argument_breaks_its_plugin_and_no_other(site: Any) -> None:
    plugin(site, "old", "nets", "nets")
    plugin(site, "new", "registry", "registry")
    today = site.host()
    with pytest.warns(RuntimeWarning, match=r"'old' of old .*\{'nets'\}"):
        assert list(today.registry("networks")) == ["new"]
