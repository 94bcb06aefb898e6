"""The benchmarks' runner resumes, says what is stale, and loses no row."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

pytest.importorskip("sb3_contrib")
pytest.importorskip("rich")

from common.runner import run_all
from common.table import write_json
from common.training import AgentJob, train

ROOT = Path(__file__).parents[2]
SMALL = AgentJob(
    {"task": "CartPole", "policy": "NCPPolicy"},
    "PPO",
    "NCPPolicy",
    "CartPole-v1",
    seed=0,
    steps=64,
    settings={"n_steps": 32, "batch_size": 32, "n_epochs": 1},
    policy_kwargs={"n_neurons": 16},
    n_envs=2,
)


def run(path: Path, *jobs: AgentJob) -> list[dict[str, Any]]:
    return run_all(train, jobs, path, workers=2)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["runs"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of a file with two seeds."""
    path = tmp_path_factory.mktemp("trained") / "rows.json"
    run(path, SMALL, replace(SMALL, seed=1))
    return path.read_text("utf-8")


@pytest.fixture
def file(trained: str, tmp_path: Path) -> Path:
    path = tmp_path / "rows.json"
    path.write_text(trained, "utf-8")
    return path


def test_what_is_in_the_file_is_not_trained_again(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows_of(file)
    rows = run(file, SMALL, replace(SMALL, seed=1), replace(SMALL, seed=2))
    assert [row["seed"] for row in rows] == [0, 1, 2]
    # A run's pace is never the same to the last digit.
    assert sorted(rows[:2], key=lambda row: row["seed"]) == sorted(
        before, key=lambda row: row["seed"]
    )
    assert len(rows_of(file)) == 3
    assert "left out" not in capsys.readouterr().out


def test_a_changed_setting_is_trained_again_and_said(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slower = replace(SMALL, settings=SMALL.settings | {"learning_rate": 1e-5})
    before = rows_of(file)
    (row,) = run(file, slower)
    assert row not in before
    assert rows_of(file) == [*before, row]
    said = capsys.readouterr().out
    assert "left out, and kept in the file: 1." in said
    assert "- 1: settings.learning_rate was 0.0003, is 1e-05" in said
    assert run(file, slower, SMALL)[0] == row  # and each is found again
    assert len(rows_of(file)) == 3


def test_another_default_or_version_is_trained_again_and_said(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if the file were of a day with another gamma, torch, and lines of Velora."""
    data = json.loads(file.read_text("utf-8"))
    for row in data["runs"]:
        if row["seed"] == 0:
            row["key"]["settings"]["gamma"] = 0.9
        else:
            row["key"]["versions"] |= {"torch": "2.4.0", "velora-lnn": "0123456789ab"}
    file.write_text(json.dumps(data), "utf-8")
    rows = run(file, SMALL, replace(SMALL, seed=1))
    assert len(rows_of(file)) == 4
    assert rows_of(file)[:2] == data["runs"]
    said = capsys.readouterr().out
    assert "left out, and kept in the file: 2." in said
    assert "- 1: settings.gamma was 0.9, is 0.99\n" in said
    assert "- 1: versions.torch was '2.4.0', is '" in said
    assert "; versions.velora-lnn was '0123456789ab', is '" in said
    assert [row["key"]["settings"]["gamma"] for row in rows] == [0.99, 0.99]


def test_runs_that_fail_are_named_and_lose_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.json"
    unknown = replace(SMALL, names={"task": "None"}, env="NoSuchTask-v0")
    # A process that ends in the middle, as one that the system has killed.
    killed = replace(
        SMALL, names={"task": "Exit"}, env=os._exit, env_kwargs={"status": 7}
    )
    (row,) = run(path, unknown, killed, SMALL)
    assert row["task"] == "CartPole"
    assert rows_of(path) == [row]
    out, err = capsys.readouterr()
    assert "{'task': 'None', 'seed': 0} failed: Traceback" in err
    assert "NoSuchTask" in err
    assert "{'task': 'Exit', 'seed': 0} failed: its process ended with 7." in err
    assert "2 of 3 runs failed" in out


def test_a_failed_run_fails_the_command_after_its_table(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "benchmarks/novel.py", "--task", "CartPole"]
    command += [
        "--row",
        "LiquidPolicy",
        "--row",
        "frames",
        "--seeds",
        "1",
        "--steps",
        "64",
    ]
    done = subprocess.run(
        [*map(str, command), "--json", "rows.json"],
        cwd=tmp_path,
        env=os.environ | {"VELORA_DISABLE_PLUGINS": "velora-lnn"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "'policy': 'LiquidPolicy', 'seed': 0} failed: Traceback" in done.stderr
    assert "│ CartPole │ frames" in done.stdout
    assert [row["policy"] for row in rows_of(tmp_path / "rows.json")] == ["frames"]


def test_ctrl_c_leaves_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    command = [sys.executable, ROOT / "benchmarks/dropin.py", "--task", "DQN CartPole"]
    command += ["--seeds", "9", "--steps", "64", "--jobs", "1", "--json", path]
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not path.exists():
        with pytest.raises(subprocess.TimeoutExpired):  # there are 18 runs to make
            process.wait(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 1
    assert 0 < len(rows_of(path)) < 18
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    write_json(path, {"runs": []})
    before, limits = path.read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # as a full disk
    try:
        with pytest.raises(OSError, match="too large"):
            write_json(path, {"runs": ["row"] * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for text in ("[1, 2]", '{"runs": ['):
        path.write_text(text)
        with pytest.raises(click.ClickException, match=r"must hold the runs"):
            run(path, SMALL)
        assert path.read_text() == text
