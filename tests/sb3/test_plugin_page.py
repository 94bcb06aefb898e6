"""The page about plugins explains what agents say of networks and wirings."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from agents import make_agent, make_env, predict
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from torch import nn
from toy_networks import (
    Brained,
    Growing,
    ListedStart,
    Pair,
    Rounded,
    Secretive,
    Stateless,
    StateSecond,
    Timeless,
    Unresettable,
    Value,
)

from velora.models import NCPNetwork
from velora.plugins import networks, process
from velora.plugins.host import PluginHost
from velora.wiring import Connectome, LayerMasks, dense

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
TROUBLE = PAGE.read_text("utf-8").partition("## What can go wrong\n")[2]
SAID = (KeyError, TypeError, ValueError, NotImplementedError, UserWarning)


def pattern(cell: str) -> str:
    """Returns what a message must match: … stands for anything."""
    code = re.fullmatch(r"(`+) ?(.+?) ?\1", cell)
    assert code is not None, cell
    return ".+".join(map(re.escape, code[2].split("…")))


def table(number: int) -> list[str]:
    """Returns the patterns of a table of messages, in the order of its rows."""
    (_, _, *rows) = re.findall(r"(?:^\|.*\n)+", TROUBLE, re.M)[number].splitlines()
    return [pattern(row.split("|")[1].strip()) for row in rows]


def row_of(message: str, patterns: list[str]) -> int:
    """Returns the first row that explains a message."""
    found = (n for n, each in enumerate(patterns) if re.fullmatch(each, message))
    return next(found, -1)


Hosts = Callable[..., AbstractContextManager[None]]
PLUGIN = """
from torch import nn
from velora.plugins import hookimpl

@hookimpl
def velora_register_networks(registry):
    registry.add("acme", lambda i, o: nn.Linear(i, o), summary="a dense layer")
"""


@pytest.fixture
def with_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """A distribution "acme-velora", there as long as the context lasts."""
    (tmp_path / "acme_of_the_page.py").write_text(PLUGIN)
    info = tmp_path / "acme_velora-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-velora\n")
    (info / "entry_points.txt").write_text("[velora]\nacme = acme_of_the_page\n")

    @contextmanager
    def there(disable: str = "") -> Any:
        with monkeypatch.context() as patched:
            patched.setenv("VELORA_DISABLE_PLUGINS", disable)
            patched.syspath_prepend(tmp_path)
            patched.setattr(process, "host", PluginHost())
            yield

    return there


def think(build: Any, algorithm: str = "PPO", **options: Any) -> None:
    """Lets an agent think once with a network that a program registers."""
    recurrent = options.pop("recurrent", False)
    networks().add("test-page", build, recurrent=recurrent, override=True)
    options = {"network": "test-page", "n_neurons": None} | options
    if algorithm == "RecurrentPPO":
        env = make_env()
        predict(RecurrentPPO("LiquidPolicy", env, policy_kwargs=options, device="cpu"))
    else:
        predict(make_agent(algorithm, policy_kwargs=options))


def test_pair_is_taken_as_it_is() -> None:
    think(Pair, "RecurrentPPO", recurrent=True)  # so that each fault below is the one


def carry(build: Any) -> None:
    think(build, "RecurrentPPO", recurrent=True)


def explore(build: Any) -> None:
    networks().add("test-page", build, recurrent=True, override=True)
    options = {"network": "test-page", "n_neurons": None}
    env = make_env(actions="box")
    predict(RecurrentPPO("LiquidPolicy", env, policy_kwargs=options, use_sde=True))


def load(path: Path) -> None:
    PPO.load(path / "agent.zip", device="cpu")


def save(path: Path) -> None:
    options = {"network": "acme", "n_neurons": None}
    make_agent(policy_kwargs=options).save(path / "agent.zip")


def load_without_the_plugin(path: Path, with_plugin: Hosts) -> None:
    with with_plugin():
        save(path)
    load(path)


def load_where_it_is_disabled(path: Path, with_plugin: Hosts) -> None:
    with with_plugin():
        save(path)
    with with_plugin(disable="acme-velora"):
        load(path)


def load_without_the_program(path: Path, with_plugin: Hosts) -> None:
    with with_plugin(disable="acme-velora"):
        networks().add("acme", lambda i, o: nn.Linear(i, o))
        save(path)
    load(path)


# What makes each row of the table about networks be said, in their order.
NETWORKS: dict[str, Callable[[Path, Hosts], None]] = {
    "plugin absent": load_without_the_plugin,
    "plugin disabled": load_where_it_is_disabled,
    "program absent": load_without_the_program,
    "option": lambda *_: think(lambda i, o: nn.Linear(i, o), n_neurons=12),
    "no module": lambda *_: think(lambda i, o: None),
    "no method": lambda *_: carry(nn.Linear),
    "no forward": lambda *_: think(Pair),
    "no argument": lambda *_: carry(Unresettable),
    "no tensor of state": lambda *_: carry(ListedStart),
    "batch second": lambda *_: carry(StateSecond),
    "no dtype of NumPy": lambda *_: carry(Brained),
    "no state": lambda *_: think(nn.Linear, "RecurrentPPO"),
    "outputs alone": lambda *_: carry(Stateless),
    "other outputs in time": lambda *_: carry(Timeless),
    "other state": lambda *_: carry(Growing),
    "other dtypes": lambda *_: carry(Rounded),
    "no states": lambda *_: explore(Secretive),
    "no tensor": lambda *_: think(lambda i, o: nn.LSTM(i, o)),
    "other outputs": lambda *_: think(lambda i, o: nn.Linear(i, o + 1)),
    "no memory": lambda *_: think(Pair, recurrent=True),
    "norm": lambda *_: think(Pair, "CrossQ", network_kwargs={"norm": nn.LayerNorm}),
    "value": lambda *_: think(Value, "TRPO"),
}


def test_every_row_about_networks_has_a_case() -> None:
    assert len(table(2)) == len(NETWORKS)


@pytest.mark.parametrize("case", NETWORKS)
def test_message_about_a_network_is_in_the_page(
    case: str, tmp_path: Path, with_plugin: Hosts
) -> None:
    with pytest.raises(SAID) as caught:
        NETWORKS[case](tmp_path, with_plugin)
    assert row_of(str(caught.value), table(2)) == list(NETWORKS).index(case)


def drawn(
    inter: Any = (4, 9), command: Any = (9, 7), motor: Any = (7, 2), value: int = 1
) -> Connectome:
    shapes = {"inter": inter, "command": command, "motor": motor}
    return Connectome(
        LayerMasks(**{name: torch.full(shape, value) for name, shape in shapes.items()})
    )


# What is given as the wiring of a network with 4 inputs, 16 neurons and 2 outputs.
WIRINGS: dict[str, Any] = {
    "no wiring": 3,
    "no number": "dense",
    "no masks": lambda *_, **__: None,
    "other counts": SimpleNamespace(masks=drawn().masks, counts=dense(4, 20, 2).counts),
    "other neurons": lambda i, n, o, **_: dense(i, n + 1, o),
    "no LayerMasks": lambda *_, **__: Connectome(None),  # type: ignore[arg-type]  # what is tested
    "other shape": lambda *_, **__: drawn(command=(7, 9)),
    "strengths": lambda *_, **__: drawn(value=3),
}


def test_every_row_about_wirings_has_a_case() -> None:
    assert len(table(3)) == len(WIRINGS)


@pytest.mark.parametrize("case", WIRINGS)
def test_message_about_a_wiring_is_in_the_page(case: str) -> None:
    n_neurons = None if case == "no number" else 16
    with pytest.raises(SAID) as caught:
        NCPNetwork(4, n_neurons, 2, wiring=WIRINGS[case])
    assert row_of(str(caught.value), table(3)) == list(WIRINGS).index(case)


def test_wiring_is_taken_as_it_is() -> None:
    NCPNetwork(4, 16, 2, wiring=lambda *_, **__: drawn())
