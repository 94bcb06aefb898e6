"""The repository keeps the shape that its pages promise."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
    assert command.endswith("tox")
    first_screen = (ROOT / "README.md").read_text("utf-8").splitlines()[:40]
    assert command in first_screen


def test_no_file_lies_at_the_level_that_packages_share() -> None:
    shared = list(ROOT.glob("packages/*/src/velora"))
    assert len(shared) == 7
    assert not [path for level in shared for path in level.iterdir() if path.is_file()]
