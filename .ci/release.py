"""Builds every package into a folder, and checks all that would be published.

Usage: python .ci/release.py FOLDER [TAG]

With a tag, such as v1.2.0, the packages must have its version, and the changelog must
have its section with a date. Needs `build` and `hatchling`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from changelog import CHANGELOG, notes

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
REQUIRED = (
    "Summary",
    "Author",
    "License-Expression",
    "Requires-Python",
    "Description-Content-Type",
)


def build(package: Path, folder: Path, *options: str) -> None:
    """Builds an sdist and the wheel of it, if the options do not ask for another."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, *options, str(package)], check=True, stdout=sys.stderr)


def metadata(wheel: Path) -> Message:
    """Returns what a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def shared_files(wheels: Iterable[Path]) -> Iterator[str]:
    """Says which files lie in more than one wheel: one would overwrite the other."""
    holders = defaultdict(list)
    for wheel in wheels:
        for name in zipfile.ZipFile(wheel).namelist():
            holders[name].append(wheel.name)
    for name, wheels_of_it in holders.items():
        if len(wheels_of_it) > 1:
            yield f"{name} lies in {' and '.join(wheels_of_it)}"


def different_files(wheel: Path, other: Path) -> Iterator[str]:
    """Says which files of two wheels of a package differ, or are in one alone."""
    contents = []
    for path in (wheel, other):
        with zipfile.ZipFile(path) as archive:
            contents.append({name: archive.read(name) for name in archive.namelist()})
    for name in sorted(contents[0].keys() | contents[1].keys()):
        if contents[0].get(name) != contents[1].get(name):
            yield f"{wheel.name}: {name} differs where it is built without the sdist"


def wrong_metadata(wheels: Iterable[Path], version: str | None) -> Iterator[str]:
    """Says what is missing in metadata, and which versions are not the one."""
    for wheel in wheels:
        said = metadata(wheel)
        version = version or said["Version"]
        for field in REQUIRED:
            if not said[field]:
                yield f"{wheel.name}: the metadata must have the field {field}"
        if said["Version"] != version:
            yield f"{wheel.name}: the version must be {version}; got {said['Version']}"
        for needed in said.get_all("Requires-Dist", []):
            requirement = needed.partition(";")[0].strip()
            if "@" in requirement:
                yield f"{wheel.name}: no index takes what needs a URL: {needed}"
            if requirement.startswith("velora-") and (
                requirement.partition("==")[2] != version
            ):
                yield f"{wheel.name}: {needed} must be pinned to =={version}"


def faults(folder: Path, beside: Path, version: str | None) -> list[str]:
    """Says all that is wrong with what was built.

    Args:
        folder: The wheels to publish, built from their sdists.
        beside: Wheels of the same packages, built from the sources.
        version: What they must have; None for any, as long as it is one.
    """
    wheels = sorted(folder.glob("*.whl"))
    found = [*shared_files(wheels), *wrong_metadata(wheels, version)]
    for wheel in wheels:
        found += different_files(wheel, beside / wheel.name)
    return found


def main(folder: Path, tag: str | None = None) -> None:
    """Builds into a folder and checks; what it held of earlier builds goes."""
    version = None if tag is None else tag.removeprefix("v")
    if version is not None:
        notes(CHANGELOG.read_text("utf-8"), version)
    for old in (*folder.glob("velora_*.whl"), *folder.glob("velora_*.tar.gz")):
        old.unlink()
    with tempfile.TemporaryDirectory() as beside:
        for package in PACKAGES:
            build(package, folder)
            build(package, Path(beside), "--wheel")
        if found := faults(folder, Path(beside), version):
            raise ValueError("\n- ".join(["this must not be published:", *found]))
    for path in sorted(folder.iterdir()):
        print(path)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except ValueError as error:
        sys.exit(f"Error: {error}")
