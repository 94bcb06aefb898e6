"""VELORA_DISABLE_PLUGINS is read before anything is loaded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from velora.plugins import PluginInfo

WHY = "named in VELORA_DISABLE_PLUGINS"
FATAL = "raise KeyboardInterrupt  # nothing catches this: it must not be imported"


@pytest.mark.parametrize(
    "value",
    [
        "nets",
        "fatal-nets",
        "Fatal_Nets",
        "fatal.-nets",
        " nets ",
        ",,nets,, ,",
        "nets,fatal-nets",
        "\tfatal-nets\n",
    ],
)
def test_disabled_plugin_is_never_imported(
    site: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", value)
    site.network("acme", "first")
    site.add("fatal-nets", FATAL, entry_points={"nets": "fatal_nets"}, version="3.1")
    host = site.host()
    assert list(host.registry("networks")) == ["first"]
    assert host.plugins() == [
        PluginInfo("acme", "acme", "1.0", "active", provides=("network first",)),
        PluginInfo("nets", "fatal-nets", "3.1", "disabled", error=WHY),
    ]


def test_several_are_disabled_by_either_name(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", "one, dist-two")
    site.add("dist-one", FATAL, entry_points={"one": "dist_one"})
    site.add("dist-two", FATAL, entry_points={"two": "dist_two", "deux": "dist_two:x"})
    assert [info.status for info in site.host().plugins()] == ["disabled"] * 3


def test_entry_point_is_disabled_by_its_exact_name_alone(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", "my-nets")
    site.add("acme-first", FATAL, entry_points={"my-nets": "acme_first"})
    site.add("acme-last", "", entry_points={"my_nets": "acme_last"})
    assert [i.status for i in site.host().plugins()] == ["disabled", "active"]


@pytest.mark.parametrize("value", ["", " ", ",", " , ,"])
def test_blank_value_disables_nothing(
    site: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", value)
    site.network("acme", "first")
    assert list(site.host().registry("networks")) == ["first"]


def test_unknown_name_warns_and_the_rest_is_disabled(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", "fatal,tpyo")
    site.network("acme", "first")
    site.add("fatal", FATAL)
    host = site.host()
    with pytest.warns(RuntimeWarning, match=r"DISABLE_PLUGINS names \['tpyo'\]"):
        infos = host.plugins()
    assert [info.status for info in infos] == ["active", "disabled"]


def test_disabled_plugin_is_shown_with_the_reason_and_does_not_count_as_broken(
    site: Any,
) -> None:
    site.add("fatal", FATAL)
    done = site.velora("plugins", "--json", disable="fatal")
    assert done.returncode == 0
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert (rows["fatal"]["status"], rows["fatal"]["error"]) == ("disabled", WHY)
    done = site.velora("plugins", disable="fatal", strict="1")
    assert done.returncode == 0
    (reason,) = [line for line in done.stdout.splitlines() if "fatal" in line]
    assert reason == f"fatal of fatal 1.0 is disabled: {WHY}"


def test_unknown_name_is_said_on_the_command_line(site: Any) -> None:
    done = site.velora("plugins", "--json", disable="tpyo")
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), list)
    assert "VELORA_DISABLE_PLUGINS names ['tpyo']" in done.stderr
