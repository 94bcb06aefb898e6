"""Of two overrides of one name the last counts, and that is said."""

from __future__ import annotations

from typing import Any

import pytest

from velora.plugins import PluginError, networks
from velora.plugins.testing import CheckError, check_plugin

WORDS = (
    "The network 'first' is overridden twice: by aaa (entry point 'aaa') and by zzz "
    "(entry point 'zzz'). The one that is loaded last counts, which is the second; "
    "disable the other by naming it in VELORA_DISABLE_PLUGINS."
)


def test_second_override_is_warned_of_with_both_and_counts(site: Any) -> None:
    for name in ("zzz", "aaa"):
        site.network(name, "first", "override=True")
    site.network("good", "first")
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        entry = host.registry("networks")["first"]
    assert [str(warning.message) for warning in caught] == [WORDS]
    assert (entry.distribution, entry.build(1, 1)) == ("zzz", "zzz")
    infos = {info.distribution: info for info in host.plugins()}
    assert {info.status for info in infos.values()} == {"active"}
    assert infos["aaa"].provides == infos["zzz"].provides == ("network first",)


def test_third_override_is_said_of_the_one_before(site: Any) -> None:
    for name in ("aaa", "mmm", "zzz"):
        site.network(name, "first", "override=True")
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        assert host.registry("networks")["first"].distribution == "zzz"
    first, second = (str(warning.message) for warning in caught)
    assert "by aaa (entry point 'aaa') and by mmm (entry point 'mmm')" in first
    assert "by mmm (entry point 'mmm') and by zzz (entry point 'zzz')" in second


def test_strict_makes_it_an_error(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    for name in ("aaa", "zzz"):
        site.network(name, "first", "override=True")
    host = site.host()
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            host.plugins()
        assert str(caught.value) == WORDS
    done = site.velora("--help", strict="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {WORDS}\n"


def test_disabling_one_leaves_the_other(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", "zzz")
    for name in ("aaa", "zzz"):
        site.network(name, "first", "override=True")
    assert site.host().registry("networks")["first"].distribution == "aaa"


def test_command_says_it_beside_the_list(site: Any) -> None:
    for name in ("aaa", "zzz"):
        site.network(name, "first", "override=True")
    for arguments in (["plugins"], ["plugins", "--json"], ["--help"]):
        done = site.velora(*arguments)
        assert done.returncode == 0
        assert WORDS in done.stderr


def test_broken_plugin_overrides_nothing(site: Any) -> None:
    site.network("aaa", "first", "override=True")
    site.network("zzz", "first", "override=True); raise ValueError('no'")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="ValueError: no") as caught:
        assert host.registry("networks")["first"].distribution == "aaa"
    assert len(caught) == 1


def test_plugin_that_overrides_its_own_name_is_not_warned_of(site: Any) -> None:
    twice = "override=True); registry.add('first', dict, override=True"
    site.network("aaa", "first", twice)
    assert site.host().registry("networks")["first"].build is dict


def test_running_program_overrides_last_without_a_warning(alone: Any) -> None:
    alone.network("aaa", "first", "override=True")
    for build in (dict, list):
        networks().add("first", build, override=True)
        assert networks()["first"].build is build
        assert networks()["first"].distribution is None


def test_override_of_an_unknown_distribution_has_an_owner(site: Any) -> None:
    site.network("aaa", "first", "override=True")
    site.network("zzz", "first")
    for name in ("aaa", "zzz"):
        (site.root / f"{name}-1.0.dist-info" / "METADATA").unlink()
    host = site.host()
    registry = host.registry("networks")
    assert [info.status for info in host.plugins()] == ["active", "active"]
    assert registry["first"].entry_point == "aaa"
    with pytest.raises(
        ValueError, match="twice: by no distribution and by the running program"
    ):
        registry.add("first", dict)


def test_kit_says_that_another_overrides_it(alone: Any) -> None:
    alone.network("rival", "first", "override=True")
    source = "summary='first', override=True"
    alone.network("acme", "first", source)
    (alone.root / "acme-1.0.dist-info" / "entry_points.txt").unlink()
    with pytest.raises(CheckError) as caught:
        check_plugin("acme")
    assert caught.value.failures == (
        "network first: rival overrides it as well, and the one that is loaded last "
        "counts; choose another name.",
    )
