"""What is published was checked, and what is wrong with it is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import release
from changelog import CHANGELOG, notes
from environments import ROOT, VERSION, run

LOG = """# Changelog

## 0.3.0 (unreleased)

- New.

## 0.2.0 (2026-01-31)

- Better.

  ## not a heading
- Faster.

## 0.1.0 (2025-12-01)
"""


def test_notes_are_the_section_of_the_version() -> None:
    assert notes(LOG, "0.2.0") == "- Better.\n\n  ## not a heading\n- Faster."


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.3.0", r"`## 0.3.0 \(unreleased\)` must have the date of the release"),
        ("0.1.0", "`## 0.1.0` must say what changed"),
        ("0.2", r"must have a heading `## 0.2 \(DATE\)`"),
        ("0x2.0", r"must have a heading `## 0x2.0 \(DATE\)`"),
    ],
)
def test_section_that_cannot_be_published_is_refused(version: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        notes(LOG, version)


def test_changelog_has_a_section_of_the_version_of_the_packages() -> None:
    dated = CHANGELOG.read_text("utf-8").replace("(unreleased)", "(2026-01-31)")
    assert "velora-core" in notes(dated, VERSION)


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / name, *arguments],
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("name", "arguments"), [("changelog.py", "9.9"), ("release.py", "dist v9.9")]
)
def test_tag_without_a_section_publishes_nothing(name: str, arguments: str) -> None:
    done = script(name, *arguments.split())
    assert (done.returncode, done.stdout) == (1, "")
    said = "Error: the changelog must have a heading `## 9.9 (DATE)`"
    assert done.stderr.splitlines() == [said]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command makes of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    (folder / "velora_core-0.0.1-py3-none-any.whl").touch()  # of an earlier build
    shown = run(sys.executable, ROOT / ".ci" / "release.py", folder)
    assert shown.splitlines() == sorted(map(str, folder.iterdir()))
    return folder


def test_command_makes_an_sdist_and_a_wheel_of_each_package(built: Path) -> None:
    assert len(release.PACKAGES) == len(list(ROOT.glob("packages/velora-*")))
    expected = {
        f"{package.name.replace('-', '_')}-{VERSION}{end}"
        for package in release.PACKAGES
        for end in (".tar.gz", "-py3-none-any.whl")
    }
    assert {path.name for path in built.iterdir()} == expected


def change(wheel: Path, name: str, old: bytes, new: bytes) -> None:
    """Replaces text in a file of a wheel, or adds the file."""
    with zipfile.ZipFile(wheel) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    assert old in files.get(name, b"")
    files[name] = files.get(name, b"").replace(old, new) if old else new
    with zipfile.ZipFile(wheel, "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)


META = f"velora_wiring-{VERSION}.dist-info/METADATA"
WRONG = {
    "shared": ("velora/models/py.typed", b"", b"1", "lies in velora_lnn-"),
    "differs": (
        "velora/wiring/more.py",
        b"",
        b"1",
        "more.py differs where it is built",
    ),
    "version": (META, b"\nVersion: ", b"\nVersion: 9", "the version must be "),
    "no licence": (META, b"License-Expression: ", b"X-Licence: ", "License-Expression"),
    "no python": (META, b"Requires-Python: ", b"X-Python: ", "field Requires-Python"),
    "pin": (META, b"velora-core==", b"velora-core>=", "must be pinned to =="),
    "URL": (
        META,
        b"networkx>=",
        b"networkx @ https://example.com/",
        "takes what needs",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_fault_is_said(built: Path, tmp_path: Path, case: str) -> None:
    shutil.copytree(built, tmp_path / "dist")
    assert release.faults(tmp_path / "dist", built, VERSION) == []
    name, old, new, said = WRONG[case]
    wheel = tmp_path / "dist" / f"velora_wiring-{VERSION}-py3-none-any.whl"
    change(wheel, name, old, new)
    found = release.faults(tmp_path / "dist", built, VERSION)
    assert any(said in fault and "velora_wiring" in fault for fault in found), found


def test_versions_must_be_those_of_the_tag_or_one(built: Path, tmp_path: Path) -> None:
    found = release.faults(built, built, "9.9")
    wheels = {path.name for path in built.glob("*.whl")}
    assert {fault.partition(": ")[0] for fault in found} == wheels
    shutil.copytree(built, tmp_path / "dist")
    assert release.faults(tmp_path / "dist", built, None) == []
    wheel = tmp_path / "dist" / f"velora_wiring-{VERSION}-py3-none-any.whl"
    change(wheel, META, b"\nVersion: ", b"\nVersion: 9")
    assert release.faults(tmp_path / "dist", built, None)
