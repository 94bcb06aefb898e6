"""What the packages register is imported when it is used, and all of it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from agents import ALGORITHMS

import velora.plugins
import velora.sb3.plugin
import velora.sb3_plugin
from velora.plugins.distribution import OURS

N_OURS = len(velora.sb3_plugin.MEMORY) * len(velora.sb3_plugin.CELLS)
N_POLICIES = 2 * len(ALGORITHMS) + 1 + N_OURS  # RecurrentPPO takes one
OTHERS = {entry.dist.name for entry in entry_points(group="velora")} - set(OURS)
ANSWER = """
import json, sys
from velora.plugins import PluginError, checks, plugins, policies
"""
LISTED = """
names = list(policies())
broken = [info.name for info in plugins() if info.status == "broken"]
print(json.dumps([names, broken, "stable_baselines3" in sys.modules]))
"""


def python(code: str, path: Path | None = None) -> Any:
    """Returns what a fresh process, with plugins of ours alone, prints as JSON."""
    paths = [str(path or ""), os.environ.get("PYTHONPATH", "")]
    env = {k: v for k, v in os.environ.items() if not k.startswith("VELORA_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    env["VELORA_DISABLE_PLUGINS"] = ",".join(OTHERS)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_network_with_a_wiring_by_name_imports_no_policy_and_no_kit() -> None:
    modules = python(
        """
import json, sys
from velora.models import LiquidNCPNetwork
before = set(sys.modules)
LiquidNCPNetwork(3, 8, 2, wiring="random")
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    )
    plugins = {f"velora.{leaf}.plugin" for leaf in ("cli", "wiring", "models")}
    assert plugins | {"velora.sb3_plugin"} <= set(modules)
    assert len(modules) < 10, modules  # 211 where each plugin imports what it offers
    assert not {"velora.sb3", "velora.models.testing"} & set(modules)
    foreign = {"stable_baselines3", "sb3_contrib", "gymnasium", "click", "rich"}
    assert not foreign & set(modules)


def test_listing_imports_no_policy() -> None:
    names, broken, imported = python(ANSWER + LISTED)
    assert (broken, imported) == ([], False)
    assert len(names) == N_POLICIES


@pytest.mark.parametrize(
    "registry", ["wirings", "networks", "policies", "extractors", "commands", "checks"]
)
def test_everything_that_we_register_is_there(registry: str) -> None:
    for entry in getattr(velora.plugins, registry)().values():
        if entry.distribution in OURS:
            assert callable(entry.build)
            assert entry.summary
            assert entry.entry_point in (
                "cli",
                "wiring",
                "models",
                "sb3",
                "report",
                "onnx",
            )


def test_without_sb3_contrib_its_algorithms_are_not_listed() -> None:
    names, broken, _ = python(
        "import sys; sys.modules['sb3_contrib'] = None" + ANSWER + LISTED
    )
    assert broken == []
    assert names == [
        f"{algorithm}.{policy}"
        for algorithm in ("a2c", "ddpg", "dqn", "ppo", "sac", "td3")
        for policy in ("NCPPolicy", "LiquidPolicy")
    ] + [
        f"{module}.{policy}"
        for module in velora.sb3_plugin.MEMORY
        for policy in velora.sb3_plugin.CELLS
    ]


def test_sb3_contrib_that_is_too_old_is_named_by_whoever_needs_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "sb3_contrib").mkdir()
    (tmp_path / "sb3_contrib" / "__init__.py").write_text("TQC = QRDQN = object")
    code = """
said = []
for name in ("tqc.NCPPolicy", "ppo.NCPPolicy"):
    try:
        said.append(policies()[name].build.__name__)
    except PluginError as error:
        said.append(str(error))
names, broken = list(policies()), [i.name for i in plugins() if i.status == "broken"]
print(json.dumps([len(names), broken, said]))
"""
    number, broken, (needed, other) = python(ANSWER + code, tmp_path)
    assert (number, broken) == (N_POLICIES, [])
    assert needed.startswith("The policy 'tqc.NCPPolicy' of velora-sb3 (entry point ")
    assert "sb3-contrib 2.7 or newer, which is not installed" in needed
    assert other == "NCPActorCriticPolicy"


def test_hooks_are_found_where_they_were() -> None:
    for name in velora.sb3.plugin.__all__:
        assert getattr(velora.sb3.plugin, name) is getattr(velora.sb3_plugin, name)
    hooks = {name for name in vars(velora.sb3_plugin) if name.startswith("velora_")}
    assert hooks == set(velora.sb3.plugin.__all__)
