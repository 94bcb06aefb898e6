"""All packages have one version, which one command raises."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from environments import LITERAL, ROOT, VERSION

RAISE = r"""
NEW=0.2.0 perl -pi -e '
    s/^(__version__ = "|version: )[^"\n]*/$1$ENV{NEW}/;
    s/(velora-[a-z0-9]+(\[[a-z]+\])?==)[^",;]*/$1$ENV{NEW}/g
' CITATION.cff packages/*/pyproject.toml packages/*/src/velora/*/*.py
"""
SIBLING = re.compile(r'(?<!^name = )"velora-\w+(?:\[\w+\])?(.*?)"', re.M)


def literals(root: Path) -> dict[str, list[str]]:
    """Returns the versions that the sources of each package name."""
    return {
        package.name: [
            version
            for file in sorted(package.rglob("src/**/*.py"))
            for version in LITERAL.findall(file.read_text("utf-8"))
        ]
        for package in sorted(root.glob("packages/velora-*"))
    }


def pins(root: Path) -> list[str]:
    """Returns what the packages ask of each other, such as "==1.0"."""
    files = root.glob("packages/*/pyproject.toml")
    return [pin for file in files for pin in SIBLING.findall(file.read_text("utf-8"))]


def test_each_package_names_its_version_once_and_all_the_same() -> None:
    found = literals(ROOT)
    assert found == {package: [VERSION] for package in found}
    assert set(pins(ROOT)) == {f"=={VERSION}"}


def test_no_project_file_names_a_version_itself() -> None:
    for file in ROOT.glob("packages/*/pyproject.toml"):
        project = file.read_text("utf-8").partition("[project]")[2].partition("\n[")[0]
        assert 'dynamic = ["version"]' in project
        assert not re.search(r"^version\b", project, re.M)


@pytest.mark.skipif(shutil.which("perl") is None, reason="the command is one of Perl")
def test_command_raises_every_literal_and_pin_and_changes_nothing_else(
    tmp_path: Path,
) -> None:
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "packages", tmp_path / "packages", ignore=skip)
    shutil.copy(ROOT / "CITATION.cff", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    command = ["bash", "-e", "-c", RAISE.replace("0.2.0", "98.7.6rc5")]
    subprocess.run(command, cwd=tmp_path, check=True)
    found = literals(tmp_path)
    assert found == {package: ["98.7.6rc5"] for package in found}
    assert set(pins(tmp_path)) == {"==98.7.6rc5"}
    assert "\nversion: 98.7.6rc5\n" in (tmp_path / "CITATION.cff").read_text("utf-8")
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    for path, text in after.items():
        assert text.replace(b"98.7.6rc5", VERSION.encode()) == before[path]
    for package in (tmp_path / "packages").iterdir():
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "version"],
            cwd=package,
            capture_output=True,
            text=True,
        )
        assert done.stdout == "98.7.6rc5\n", done.stderr


def test_contributing_has_the_command() -> None:
    assert RAISE.strip() in (ROOT / "CONTRIBUTING.md").read_text("utf-8")
