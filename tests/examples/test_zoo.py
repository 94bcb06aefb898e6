"""rl-baselines3-zoo trains, saves and enjoys the policies of examples/zoo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FILES = sorted((Path(__file__).parents[2] / "examples" / "zoo").glob("*.yml"))


def zoo(module: str, *options: str | Path, cwd: Path) -> str:
    command = [sys.executable, "-m", f"rl_zoo3.{module}", *map(str, options)]
    command += ["--gym-packages", "velora.sb3", "-f", "logs"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_zoo_trains_and_enjoys_a_policy_by_its_name(file: Path, tmp_path: Path) -> None:
    (env,) = yaml.safe_load(file.read_text("utf-8"))
    who = ["--algo", file.stem, "--env", env]
    steps = ["-n", "300", "--eval-freq", "-1", "--conf-file", file]
    said = zoo("train", *who, *steps, cwd=tmp_path)
    assert "('policy', 'NCPPolicy')" in said
    assert (tmp_path / "logs" / file.stem / f"{env}_1" / f"{env}.zip").exists()
    said = zoo("enjoy", *who, "--no-render", "-n", "250", cwd=tmp_path)
    assert "Mean reward" in said


def test_there_are_examples() -> None:
    assert {file.stem for file in FILES} == {"ppo", "sac"}
