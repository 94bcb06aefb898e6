"""A benchmark's row is keyed by all its settings, and by what computes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sb3_contrib")
pytest.importorskip("rich")

from stable_baselines3 import PPO

from common import memory, no_velocity
from common.runner import differences
from common.training import AgentJob
from common.versions import OURS, digest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PLAIN = AgentJob({"policy": "NCPPolicy"}, "PPO", "NCPPolicy", "CartPole-v1", 0, 64)


def test_a_key_holds_defaults_of_algorithm_and_policy() -> None:
    key = PLAIN.key
    agent = PPO("NCPPolicy", "CartPole-v1", device="cpu")
    for name in ("gamma", "n_steps", "learning_rate", "target_kl"):
        assert key["settings"][name] == getattr(agent, name)
    assert key["policy"].endswith(type(agent.policy).__qualname__)
    assert {"n_neurons", "sparsity_level", "ortho_init"} <= key["policy_kwargs"].keys()
    assert json.loads(json.dumps(key)) == key


def test_a_default_that_is_given_makes_no_difference() -> None:
    given = replace(PLAIN, settings={"gamma": 0.99}, policy_kwargs={"ortho_init": True})
    assert given.key == PLAIN.key


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"steps": 65}, "steps"),
        ({"env": "Acrobot-v1"}, "env"),
        ({"n_envs": 2}, "n_envs"),
        ({"is_normalized": True}, "is_normalized"),
        ({"settings": {"gamma": 0.9}}, "settings.gamma"),
        ({"policy_kwargs": {"n_neurons": 8}}, "policy_kwargs.n_neurons"),
        ({"policy": "LiquidPolicy"}, "policy"),
    ],
)
def test_every_setting_makes_another_key(change: dict[str, Any], name: str) -> None:
    (difference,) = differences(PLAIN.key, replace(PLAIN, **change).key)
    assert difference.startswith(f"{name} was ")


def test_every_job_of_the_benchmarks_has_a_key_of_its_own() -> None:
    rows = [(task, row) for task in no_velocity.TASKS for row in no_velocity.ROWS]
    keys = [no_velocity.job(*row, seed=0).key for row in rows]
    remembering = [(task, row) for task in memory.TASKS for row in memory.ROWS]
    keys += [memory.job(*row, seed=0).key for row in remembering]
    assert all(a != b for n, a in enumerate(keys) for b in keys[:n])
    assert keys[0]["settings"]["learning_rate"] == "Falling(start=0.001)"
    assert keys[0]["env"].startswith("without_velocity ")


def test_a_setting_that_says_where_it_lies_is_refused() -> None:
    job = replace(PLAIN, settings={"learning_rate": object()})
    with pytest.raises(TypeError, match="must be plain data"):
        assert job.key


def test_versions_are_of_all_that_computes() -> None:
    found = PLAIN.key["versions"]
    for name in ("torch", "numpy", "gymnasium", "stable-baselines3", "sb3-contrib"):
        assert found[name] == version(name)
    assert {"python", "numba", "training", *OURS} <= found.keys()


def test_the_switch_of_backends_is_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PLAIN.key
    monkeypatch.setenv("VELORA_SCAN", "operators")
    assert differences(before, PLAIN.key) == [
        "versions.VELORA_SCAN was absent, is 'operators'"
    ]


def test_a_digest_changes_with_any_file_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "some_package" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("A = 1\n")
    (package / "file.py").write_text("B = 2\n")
    before = digest(["some_package"])
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "file.pyc").write_bytes(b"of this machine")
    assert digest(["some_package"]) == before
    (package / "file.py").write_text("B = 3\n")
    after = digest(["some_package"])
    assert after != before
    (package / "file.py").rename(package / "other.py")
    assert digest(["some_package"]) not in (before, after)


def test_a_plugin_that_a_row_uses_is_a_version_with_what_it_requires(
    tmp_path: Path,
) -> None:
    """And one that it does not use is none."""
    info = tmp_path / "acme_net-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-net\nVersion: 1.0\n"
        "Requires-Dist: click>=8\nRequires-Dist: pytest; extra == 'test'\n"
    )
    (info / "entry_points.txt").write_text("[velora]\nacme = acme_net\n")
    plugin = tmp_path / "acme_net.py"
    plugin.write_text(
        "from velora.plugins import hookimpl\n"
        "@hookimpl\n"
        "def velora_register_networks(registry):\n"
        "    registry.add('acme', dict)\n"
    )

    def versions_with(network: str) -> dict[str, str]:
        code = (
            "import json; from common.training import AgentJob; "
            "print(json.dumps(AgentJob({}, 'PPO', 'NCPPolicy', 'CartPole-v1', 0, 1, "
            f"policy_kwargs={{'network': {network!r}}}).key['versions']))"
        )
        paths = [str(tmp_path), str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-c", code]
        return json.loads(subprocess.check_output(command, env=env, text=True))

    used, not_used = versions_with("acme"), versions_with("liquid")
    assert used.keys() - not_used.keys() == {"acme-net", "click"}
    assert used["click"] == version("click")
    plugin.write_text(plugin.read_text() + "# another line\n")
    assert versions_with("acme")["acme-net"] != used["acme-net"]
