"""The page about plugins has every hook, and explains what is really said."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import velora.plugins
from velora.plugins import spec
from velora.plugins.testing import CheckError, check_plugin
from velora.utils import set_device

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text("utf-8")
README = (ROOT / "packages" / "velora-core" / "README.md").read_text("utf-8")
TROUBLE = PAGE.partition("## What can go wrong\n")[2]


def signatures() -> list[str]:
    """Returns the hooks as they are, such as "velora_resolve_device(device)"."""
    return [
        f"{name}({', '.join(inspect.signature(function).parameters)})"
        for name, function in vars(spec).items()
        if hasattr(function, "velora_spec")
    ]


def test_page_has_a_section_for_each_hook_and_no_other() -> None:
    section = PAGE.partition("## The hooks\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^### `(.+)`$", section, re.MULTILINE)
    assert sorted(headings) == sorted(signatures())


def test_readme_has_a_row_for_each_hook_and_no_other() -> None:
    rows = re.findall(r"^\| `(velora_\w+\(.*?\))` \|", README, re.MULTILINE)
    assert sorted(rows) == sorted(signatures())


def pattern(cell: str) -> str:
    """Returns what a message must match; words without backticks match any."""
    code = re.fullmatch(r"(`+) ?(.+?) ?\1", cell)
    return ".+".join(map(re.escape, (code[2] if code else "…").split("…")))


def table(number: int) -> list[str]:
    """Returns the patterns of a table of messages, in the order of its rows."""
    (_, _, *rows) = re.findall(r"(?:^\|.*\n)+", TROUBLE, re.M)[number].splitlines()
    return [pattern(row.split("|")[1].strip()) for row in rows]


def row_of(message: str, patterns: list[str]) -> int:
    """Returns the first row that explains a message."""
    found = (n for n, each in enumerate(patterns) if re.fullmatch(each, message))
    return next(found, -1)


HOOK = "from velora.plugins import hookimpl\n@hookimpl\n"
ADD = HOOK + "def velora_register_networks(registry): registry.add"
NEEDS = "from velora.plugins import require_api\nrequire_api"
# The source of a broken plugin for each row, in their order.
CAUSES = {
    "no module": "import no_such_library",
    "no name": "from json import no_such_name",
    "no attribute": "",
    "unknown hook": HOOK + "def velora_register_netwroks(registry): ...",
    "unknown argument": HOOK + "def velora_register_networks(registry, colour): ...",
    "no string": ADD + "(3, dict)",
    "blank": ADD + "(' ', dict)",
    "not printable": ADD + r"('\x1b[31m', dict)",
    "composed": ADD + r"('cafe\u0301', dict)",
    "no summary": ADD + "('x', dict, summary=3)",
    "no flag": ADD + "('x', dict, recurrent='no')",
    "not callable": ADD + "('x', 3)",
    "no string of that form": ADD + "('x', 'json.loads')",
    "claimed twice": ADD + "('x', dict); registry.add('x', dict)",
    "async": HOOK + "async def velora_register_networks(registry): ...",
    "thread": "from concurrent.futures import ThreadPoolExecutor as Pool\n"
    + HOOK
    + "def velora_register_networks(registry):\n"
    "    Pool().submit(registry.add, 'x', dict).result()",
    "not read": "",
    "not parsed": "",
    "None": "empty = None",
    "same object": "",
    "newer": NEEDS + "(1000)",
    "no version": NEEDS + "('1.2')",
    "asks": HOOK + "def velora_resolve_device(): ...\n"
    "import velora.plugins; velora.plugins.networks()",
    "raises": "raise OSError('no licence')",
}
ENTRY_POINTS = {  # where it is not the module alone
    "no attribute": {"acme": "acme:nothing"},
    "not read": {"acme": "acme\nacme"},
    "not parsed": {"acme": "no entry: point!"},
    "None": {"acme": "acme:empty"},
    "same object": {"acme": "acme", "again": "acme"},
}
LOADING = table(0)


def test_every_cause_has_a_case() -> None:
    assert len(LOADING) == len(CAUSES)


@pytest.mark.parametrize("case", CAUSES)
def test_cause_is_in_the_page(site: Any, case: str) -> None:
    site.add("acme", CAUSES[case], entry_points=ENTRY_POINTS.get(case))
    host = site.host()
    with pytest.warns(RuntimeWarning) as caught:
        infos = host.plugins()
    (error,) = [info.error for info in infos if info.status == "broken"]
    assert row_of(str(error), LOADING) == list(CAUSES).index(case)
    (warning,) = caught
    (announced,) = re.findall(r"`(Plugin '…' .*?)`", TROUBLE)
    assert re.fullmatch(pattern(f"`{announced}`"), str(warning.message))
    assert str(warning.message).endswith(f": {error}")


def test_module_that_is_built_has_the_row_of_what_cannot_be_called(site: Any) -> None:
    site.add("acme", "from torch.nn import Linear\n" + ADD + "('x', Linear(1, 1))")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="acme"):
        (info,) = host.plugins()
    assert row_of(str(info.error), LOADING) == list(CAUSES).index("not callable")


def test_command_of_the_page_shows_where_a_plugin_fails(site: Any) -> None:
    site.add("acme", CAUSES["raises"])
    (code,) = re.findall(r'`VELORA_STRICT_PLUGINS=1 python -c "(.+?)"`', TROUBLE)
    done = site.python("-c", code, strict="1")
    assert done.returncode == 1
    assert 'acme.py", line 1' in done.stderr
    assert CAUSES["raises"] in done.stderr


def test_plugin_that_provides_nothing_is_explained_as_the_page_says(alone: Any) -> None:
    alone.add("acme", "def velora_register_networks(registry): ...")
    (info,) = velora.plugins.plugins()
    assert (info.status, info.provides) == ("active", ())
    with pytest.raises(CheckError, match="it is never called; mark it with @hookimpl"):
        check_plugin("acme")


def warned(ask: Callable[[], object] = velora.plugins.plugins) -> str:
    with pytest.warns(RuntimeWarning) as caught:
        ask()
    return str(caught[0].message)


def unknown_in_variable(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VELORA_DISABLE_PLUGINS", "tpyo")
    return warned()


def unknown_strictness(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VELORA_STRICT_PLUGINS", "yes")
    return warned()


def overridden_twice(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("aaa", "zzz"):
        site.network(name, "first", "override=True")
    return warned()


def no_device(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    site.add("acme", HOOK + "def velora_resolve_device(): return 'no such device'")
    return warned(lambda: set_device("cpu"))


def unknown_device(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the page has the words
        set_device("acme")
    return str(caught.value)


def broken(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    site.add("acme", CAUSES["raises"])
    return str(site.velora("--help").stderr.rstrip())


COMMAND = HOOK + "def velora_register_commands(registry): registry.add('acme', {})"


def no_command(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    site.add("acme", COMMAND.format("print"))
    return str(site.velora("--help").stderr.rstrip())


def command_raises(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    odd = "import click\nclass Odd(click.Command):\n    def __copy__(self): 1 / 0\n"
    site.add("acme", odd + COMMAND.format("Odd('acme')"))
    return str(site.velora("--help").stderr.rstrip())


def unknown_name(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(KeyError) as caught:
        velora.plugins.networks()["nope"]
    return str(caught.value)


def absent(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    site.add("acme", ADD + "('acme-gru', 'acme_absent:GRU')")
    with pytest.raises(velora.plugins.PluginError) as caught:
        _ = velora.plugins.networks()["acme-gru"].build
    return str(caught.value)


def other_velora(site: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    ours = Path(velora.plugins.__file__).parent
    shutil.copytree(ours, site.root / "velora" / "plugins")
    (site.root / "velora" / "__init__.py").touch()  # which makes it a regular package
    last = site.python("-c", "import velora.plugins").stderr.splitlines()[-1]
    return str(last.removeprefix("ImportError: "))


LATER = table(1)
SITUATIONS: list[Callable[[Any, pytest.MonkeyPatch], str]] = [
    unknown_in_variable,
    unknown_strictness,
    overridden_twice,
    no_device,
    unknown_device,
    broken,
    no_command,
    command_raises,
    unknown_name,
    absent,
    other_velora,
]


def test_every_later_message_has_a_situation() -> None:
    assert len(LATER) == len(SITUATIONS)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_later_message_is_in_the_page(
    alone: Any, monkeypatch: pytest.MonkeyPatch, situation: Any
) -> None:
    message = situation(alone, monkeypatch)
    assert row_of(message, LATER) == SITUATIONS.index(situation)
