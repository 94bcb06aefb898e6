"""The examples and benchmarks run as their first lines say, in small."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG"
T_MAZE = ["--task", "T-maze", "--row", "liquid, slow", "--seeds", "1"]
T_MAZE += ["--steps", "2048"]
REPLAY = ["--seeds", "1", "--steps", "200"]
SINES = ["--task", "sines", "--row", "LSTM", "--row", "gated-leaky, slow"]
SINES += ["--seeds", "1", "--epochs", "1", "--scale", "0.02", "--rate", "0.01"]
NOVEL = ["--task", "CartPole", "--seeds", "1", "--steps", "256"]


def run(script: str, *options: str | Path, cwd: Path) -> str:
    command = [sys.executable, ROOT / script, *options]
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("policy", ["NCPPolicy", "LiquidPolicy"])
def test_quickstart_writes_what_it_says(policy: str, tmp_path: Path) -> None:
    options = ["--policy", policy, "--steps", "512", "--seed", "3", "--out", "out"]
    said = run("examples/quickstart.py", *options, cwd=tmp_path)
    for picture in ("learning.png", "wiring.png"):
        content = (tmp_path / "out" / picture).read_bytes()
        assert content.startswith(PNG)
        assert len(content) > 10_000
    assert "Mean reward over 20 episodes" in said
    assert "active" in said
    load = said.split("load it again: ")[1].strip()
    subprocess.run([sys.executable, "-c", load], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("dropin", ["--seeds", "1", "--steps", "160", "--task", "SAC Pendulum"]),
        ("dropin", ["--quick", "--steps", "96", "--task", "DQN CartPole"]),
        ("step", ["--rounds", "1", "--pace-rounds", "1", "--scale", "0.1"]),
        ("wiring", ["--largest", "2000"]),
        ("picture", ["--neurons", "10", "--steps", "256", "--pictures", "pictures"]),
        ("startup", ["--rounds", "1"]),
        ("scan", ["--rounds", "1", "--scale", "0.05"]),
        ("ltc", ["--rounds", "1", "--scale", "0.1"]),
        ("cfc_modes", ["--rounds", "1", "--scale", "0.1"]),
        ("recurrent_ppo", ["--rounds", "1", "--steps", "256"]),
        ("memory", ["pace", "--rounds", "1", "--steps", "256"]),
        ("memory", ["profile", "--steps", "512"]),
        ("memory", ["scores", *NOVEL, "--row", "liquid", "--row", "LSTM"]),
        ("memory", ["scores", *T_MAZE]),
        ("callback", ["--rounds", "1", "--scale", "0.02"]),
        ("deploy", ["--rounds", "1", "--steps", "20"]),
        ("novel", NOVEL),
        ("novel", [*NOVEL, "--row", "frames, tanh"]),
        ("replay", ["--task", "Pendulum", *REPLAY, "--row", "liquid"]),
        ("replay", ["--task", "T-maze", *REPLAY, "--row", "liquid, slow, from zeros"]),
        ("irregular", ["--row", "time", "--seeds", "1", "--steps", "256"]),
        ("sparsity", ["--task", "PPO CartPole", "--seeds", "1", "--steps", "256"]),
        ("sequences", SINES),
        ("gallery", ["--agent", "pendulum", "--steps", "256", "--episodes", "1"]),
        ("beside", [str(ROOT), "--rounds", "2", "--only", "step", "--only", "PPO"]),
    ],
)
def test_benchmark_prints_a_table_and_writes_json(
    script: str, options: list[str], tmp_path: Path
) -> None:
    said = run(f"benchmarks/{script}.py", *options, "--json", "out.json", cwd=tmp_path)
    assert "━" in said
    assert json.loads((tmp_path / "out.json").read_text())


def test_gallery_trains_once_and_fills_the_table_of_its_page(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "gallery.md"
    page.parent.mkdir()
    page.write_text((ROOT / "docs" / "gallery.md").read_text("utf-8"), "utf-8")
    names = ["docs/gallery/cartpole.html", "docs/images/gallery-cartpole.png"]
    agent = tmp_path / "runs" / "gallery" / "cartpole.zip"
    made = []
    for _ in range(2):
        options = ["--agent", "cartpole", "--steps", "256", "--episodes", "1"]
        run("benchmarks/gallery.py", *options, cwd=tmp_path)
        content = [(tmp_path / name).read_bytes() for name in names]
        made.append([*content, agent.stat().st_mtime_ns])
    assert made[0] == made[1]
    assert made[0][0].startswith(b"<!doctype html>")
    assert made[0][1].startswith(PNG)
    (row,) = re.findall(r"^\| cartpole \|.*$", page.read_text("utf-8"), re.M)
    assert " of 132 |" in row


def test_novel_draws_the_learning_curves(tmp_path: Path) -> None:
    options = ["--task", "CartPole", "--row", "LiquidPolicy", "--row", "frames"]
    options += ["--seeds", "2", "--steps", "512", "--png", "curves.png"]
    run("benchmarks/novel.py", *options, cwd=tmp_path)
    content = (tmp_path / "curves.png").read_bytes()
    assert content.startswith(PNG)
    assert len(content) > 10_000
