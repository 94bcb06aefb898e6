"""`velora export`: from a file to another, or to words of what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import make_agent
from click.testing import CliRunner, Result
from recurrent_agents import make_model
from side_by_side import assert_same, shaken
from stable_baselines3.common.vec_env import VecNormalize

import velora.onnx_plugin
from velora.models import LiquidNCPNetwork, save_network
from velora.onnx import OnnxAgent
from velora.onnx_plugin.command import export_command
from velora.plugins.testing import check_plugin


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "agent.zip"
    shaken(make_model()).save(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(export_command, [str(each) for each in arguments])


def test_plugin_keeps_its_promises() -> None:
    assert "command export" in check_plugin(velora.onnx_plugin).checked


def test_plugin_and_command_import_nothing_heavy() -> None:
    code = (
        "import sys, velora.onnx_plugin.command\n"
        "heavy = {'torch', 'numpy', 'gymnasium', 'onnxruntime', 'velora.onnx'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_command_writes_an_agent(agent: Path) -> None:
    out = agent.with_name("policy.onnx")
    done = run(agent, out)
    assert done.exit_code == 0, done.output
    size = f"{out.stat().st_size / 1e6:.2g} MB"
    assert f"Wrote {out} ({size}), " in done.output
    assert_same(type(make_model()).load(agent), out, steps=10)


def test_command_writes_a_network(tmp_path: Path) -> None:
    network = LiquidNCPNetwork(4, 12, 2)
    save_network(network, tmp_path / "network.safetensors")
    done = run(tmp_path / "network.safetensors", tmp_path / "network.onnx")
    assert done.exit_code == 0, done.output
    found = OnnxAgent(tmp_path / "network.onnx").act(np.zeros((2, 4)))
    assert found.shape == (2, 2)


def test_command_bakes_statistics_in(tmp_path: Path) -> None:
    model = make_agent("PPO", actions="box")
    env = VecNormalize(model.get_env())
    env.reset()
    env.step(np.zeros((1, 3)))
    env.save(tmp_path / "statistics.pkl")
    shaken(model).save(tmp_path / "agent.zip")
    out, given = tmp_path / "policy.onnx", tmp_path / "statistics.pkl"
    done = run(tmp_path / "agent.zip", out, "--vec-normalize", given)
    assert done.exit_code == 0, done.output
    assert_same(model, out, normalised=env.normalize_obs, steps=10)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--algo", "Mind"), 1, "must be one of ['A2C'"),
        (("--algo", "SAC"), 1, "Error: "),
        (("--vec-normalize", "missing.pkl"), 2, "missing.pkl"),
        (("--vec-normalize", __file__), 1, "Error: `vec_normalize` must be a file"),
    ],
)
def test_errors_are_said_and_nothing_is_written(
    options: Any, code: int, said: str, agent: Path
) -> None:
    done = run(agent, agent.with_name("policy.onnx"), *options)
    assert (done.exit_code, type(done.exception)) == (code, SystemExit)
    assert said in done.output
    assert [path.name for path in agent.parent.iterdir()] == ["agent.zip"]


def test_other_files_are_refused(agent: Path) -> None:
    out = agent.with_name("policy.onnx")
    other = agent.with_name("other.zip")
    other.write_bytes(b"nothing of the kind")
    done = run(other, out)
    assert done.exit_code == 1
    assert "`model.save` of Stable-Baselines3, or `save_network`" in done.output
    assert run(agent.with_name("missing.zip"), out).exit_code == 2
    assert "Not a directory" in run(agent, "/dev/null/policy.onnx").output


WITHOUT_EXPORT = """
import sys
from importlib.machinery import PathFinder

LACKING = ("onnx", "stable_baselines3", "velora.sb3")

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in LACKING or name in LACKING:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[:] = [f for f in sys.meta_path if f is not PathFinder] + [Without]
from velora.cli import main
sys.argv = ["velora", *sys.argv[1:]]
main()
"""


def without_export(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `velora` where only what acts is installed, beside a few others."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_EXPORT, *arguments],
        capture_output=True,
        text=True,
    )


def test_without_the_extra_the_command_says_what_to_install(agent: Path) -> None:
    done = without_export("export", str(agent), str(agent.with_name("policy.onnx")))
    assert done.returncode == 1
    assert "pip install 'velora-onnx[export]'" in done.stderr
    assert "onnx, stable_baselines3, velora.sb3" in done.stderr
    assert "Traceback" not in done.stderr
    assert not agent.with_name("policy.onnx").exists()
    assert "AGENT OUT" in without_export("export", "--help").stdout
    rows = json.loads(without_export("plugins", "--json").stdout)
    assert {row["name"]: row["status"] for row in rows}["onnx"] == "active"
