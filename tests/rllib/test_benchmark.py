"""The benchmark of RLlib runs as its first lines say, in small."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run(tmp_path: Path, *options: str) -> Any:
    command = [sys.executable, ROOT / "benchmarks/rllib.py", *options]
    out = tmp_path / "out.json"
    ran = subprocess.run(
        [*command, "--json", out], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(out.read_text("utf-8"))


def test_it_learns(tmp_path: Path) -> None:
    ours, theirs = run(tmp_path, "learn", "--task", "CartPole", "--steps", "4000")
    assert (ours["network"], theirs["network"]) == ("ncp", "MLP")
    assert ours["active"] < ours["parameters"] < theirs["parameters"]
    assert ours["steps to 450"].startswith("not in 4,")
    assert 10 < ours["best return"] < 100  # of a hundred episodes or more


def test_it_measures_and_reckons(tmp_path: Path) -> None:
    found = run(tmp_path, "pace", "--row", "ncp", "--rounds", "1")
    one, two = found["measured"][0]
    assert (one["runners"], two["runners"]) == (1, 2)
    paper = found["on paper"][0]
    # Of times that were measured, which on a busy machine need not be in their order.
    assert all(math.isfinite(paper[n]) for n in ("1", "2", "1,000", "of the learner"))
