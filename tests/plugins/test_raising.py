"""Whatever a plugin raises is one row of the table, but a KeyboardInterrupt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from velora.plugins import PluginError, networks, plugins
from velora.plugins.testing import CheckError, check_plugin

# What makes `error`, and how it is told.
ERRORS = {
    "skipped": (
        "import pytest\ntry: pytest.importorskip('no_such_library')\n"
        "except BaseException as caught: error = caught",
        "Skipped: could not import 'no_such_library'",
    ),
    "base": ("error = BaseException('bare')", "BaseException: bare"),
    "closed": ("error = GeneratorExit()", "GeneratorExit"),
    "cancelled": (
        "import asyncio\nerror = asyncio.CancelledError('late')",
        "CancelledError: late",
    ),
    "exit": ("error = SystemExit({'code': 3})", "SystemExit: {'code': 3}"),
    "stop": ("error = StopIteration(7)", "StopIteration: 7"),
    "memory": ("error = MemoryError()", "MemoryError"),
    "recursion": (
        "def deeper(): deeper()\ntry: deeper()\nexcept RecursionError as e: error = e",
        "RecursionError: maximum recursion depth exceeded",
    ),
    "str raises": (
        "class Silent(Exception):\n    def __str__(self): raise ValueError('no')\n"
        "error = Silent()",
        "Silent: (its message cannot be shown, which raises ValueError)",
    ),
    "str exits": (
        "class Leaving(BaseException):\n    def __str__(self): raise SystemExit(3)\n"
        "error = Leaving()",
        "Leaving: (its message cannot be shown, which raises SystemExit)",
    ),
    "str recurses": (
        "class Deep(Exception):\n    def __str__(self): return str(self)\n"
        "error = Deep()",
        "Deep: (its message cannot be shown, which raises RecursionError)",
    ),
    "str is none": (
        "class Mute(Exception):\n    def __str__(self): return None\nerror = Mute()",
        "Mute: (its message cannot be shown, which raises TypeError)",
    ),
    "str of a class": (
        "class Text(str):\n    def __str__(self): raise OSError\n"
        "    split = replace = encode = isascii = __format__ = __str__\n"
        "class Error(Exception):\n    def __str__(self): return Text('as it is')\n"
        "error = Error()",
        "Error: as it is",
    ),
    "repr raises": (
        "class Loud:\n    def __repr__(self): raise OSError('no')\n"
        "error = ValueError(Loud(), 1)",
        "ValueError: (its message cannot be shown, which raises OSError)",
    ),
    "nameless": (
        "class Meta(type):\n    __name__ = property(lambda self: 1 / 0)\n"
        "class Error(Exception, metaclass=Meta): ...\nerror = Error('said')",
        "object: said",
    ),
    "another class": (
        "class Error(Exception):\n    __class__ = property(lambda self: 1 / 0)\n"
        "error = Error('said')",
        "Error: said",
    ),
    "changeless": (
        "class Error(Exception):\n"
        "    def __setattr__(self, name, value): raise OSError('no')\n"
        "    def __bool__(self): raise OSError('no')\n"
        "    __eq__ = __hash__ = __bool__\nerror = Error('said')",
        "Error: ",  # of contextlib, which sets the traceback of what it passes on
    ),
    "surrogate": (r"error = ValueError('\ud800 \x1b[31m')", r"\ud800 \x1b[31m"),
    "surrogate of a class": (r"error = type('E\x1b', (Exception,), {})()", r"E\x1b"),
    "group": (
        "class Group(Exception):\n    exceptions = property(lambda self: 1 / 0)\n"
        "error = Group('two')\nerror.__cause__ = error.__context__ = KeyError()",
        "Group: two",
    ),
}
HOOK = """
errors = [error]
del error  # for pluggy looks at what a module holds

from velora.plugins import hookimpl

@hookimpl
"""
PLACES = {
    "import": "\nraise error",
    "hook": HOOK + "def velora_register_networks(registry):\n"
    "    registry.add('mine', dict)\n    raise errors[0]",
    "last hook": HOOK + "def velora_register_wirings(registry):\n"
    "    registry.add('mine', dict)\n@hookimpl\n"
    "def velora_register_checks(): raise errors[0]",
}


def add(site: Any, name: str, place: str) -> str:
    """Writes a plugin that raises between two that work; returns what is told."""
    source, told = ERRORS[name]
    site.network("aaa-good", "first")
    site.add("bad", source + place)
    site.network("zzz-good", "last")
    return told


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ERRORS)
def test_it_is_one_row_and_the_others_work(site: Any, name: str, place: str) -> None:
    told = add(site, name, PLACES[place])
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        infos = host.plugins()
    assert [info.status for info in infos] == ["active", "broken", "active"]
    assert told in str(infos[1].error)
    assert [str(warning.message) for warning in caught] == [
        f"Plugin 'bad' of bad (entry point bad) is broken and left out: "
        f"{infos[1].error}"
    ]
    assert str(infos[1].error).isprintable()
    assert list(host.registry("networks")) == ["first", "last"]
    assert not host.registry("wirings")


@pytest.mark.parametrize("name", ERRORS)
def test_strict_makes_it_an_error_with_distribution_and_entry_point(
    site: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "1")
    told = add(site, name, PLACES["hook"])
    with pytest.raises(PluginError, match=r"'bad' of bad \(entry point bad\)") as error:
        site.host().plugins()
    assert told in str(error.value)


@pytest.mark.parametrize("name", ERRORS)
def test_kit_says_it_as_a_failure(alone: Any, name: str) -> None:
    source, told = ERRORS[name]
    (alone.root / "bad.py").write_text(source + PLACES["hook"])
    with pytest.raises(CheckError) as caught:
        check_plugin("bad")
    (failure,) = caught.value.failures
    assert failure.startswith("velora_register_networks: ")
    assert told in failure


@pytest.mark.parametrize("name", ERRORS)
def test_lazy_entry_raises_an_error_that_names_it(alone: Any, name: str) -> None:
    source, told = ERRORS[name]
    (alone.root / "lazy.py").write_text(source + PLACES["import"])
    hook = "def velora_register_networks(registry): registry.add('mine', 'lazy:x')"
    alone.add("acme", "error = 0" + HOOK + hook)
    with pytest.raises(PluginError, match=r"'mine' of acme .*'lazy:x'") as caught:
        _ = networks()["mine"].build
    assert told in str(caught.value)
    assert {info.status for info in plugins()} == {"active"}


@pytest.mark.parametrize("name", ERRORS)
def test_hook_of_devices_is_skipped(site: Any, name: str) -> None:
    source, told = ERRORS[name]
    site.add("bad", source + HOOK + "def velora_resolve_device(): raise errors[0]")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="'bad' of bad .* could not") as caught:
        assert host.resolve_device("auto", str) is None
    assert told in str(caught[0].message)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins"],
        ["plugins", "--json"],
        ["--help"],
        ["plugins", "check", "bad"],
        ["plugins", "check", "aaa-good"],
    ],
    ids=" ".join,
)
def test_commands_end_without_a_traceback(site: Any, arguments: list[str]) -> None:
    for number, (source, _) in enumerate(ERRORS.values()):
        (site.root / f"bad_{number}.py").write_text(source + PLACES["import"])
    points = {f"bad_{number}": f"bad_{number}" for number in range(len(ERRORS))}
    site.network("aaa-good", "first", "summary='first'")
    site.add("bad", entry_points=points)
    for strict in "", "1":
        done = site.velora(*arguments, strict=strict, columns=400)
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        if arguments == ["--help"]:
            assert done.returncode == (1 if strict else 0)
            if not strict:
                assert f"{len(ERRORS)} plugins are broken" in done.stderr
        elif arguments[-1] == "aaa-good":
            assert done.stdout.startswith("aaa_good is right.")
        else:
            assert done.returncode == 1
            assert "first" in done.stdout or arguments[1] == "check"
            text = done.stdout
            if "--json" in arguments:
                text = " ".join(row["error"] or "" for row in json.loads(text))
            assert all(told in text for _, told in ERRORS.values())


def test_agent_is_built_beside_all_of_them(site: Any) -> None:
    pytest.importorskip("velora.sb3")
    for number, (source, _) in enumerate(ERRORS.values()):
        (site.root / f"bad_{number}.py").write_text(source + PLACES["import"])
    points = {f"bad_{number}": f"bad_{number}" for number in range(len(ERRORS))}
    site.add("bad", entry_points=points)
    done = site.python(
        "-c",
        """if True:
        import os
        os.environ["VELORA_DISABLE_PLUGINS"] = ""
        import velora.sb3
        from stable_baselines3 import PPO
        from velora.plugins import plugins
        model = PPO("NCPPolicy", "CartPole-v1", policy_kwargs=dict(n_neurons=16))
        model.predict([0, 0, 0, 0])
        print(sum(info.distribution == "bad" for info in plugins()))
        """,
    )
    assert done.stdout == f"{len(ERRORS)}\n", done.stderr


def test_interrupt_alone_ends_the_host(site: Any) -> None:
    site.add("bad", "class Mine(KeyboardInterrupt): ...\nraise Mine")
    host = site.host()
    with pytest.raises(KeyboardInterrupt):
        host.plugins()
