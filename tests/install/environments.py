"""Builds distributions and installs them into environments to throw away."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
LITERAL = re.compile(r'^__version__ = "(.+)"$', re.M)
CORE = ROOT / "packages" / "velora-core" / "src" / "velora" / "plugins" / "version.py"
(VERSION,) = LITERAL.findall(CORE.read_text("utf-8"))
"""Of all packages, as tests/install/test_versions.py has it."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def build(project: Path, folder: Path, *options: str) -> None:
    """Builds a project into a folder: an sdist and the wheel of it, if not told."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder]
    run(*command, *options, project)


def wheel(folder: Path, distribution: str) -> Path:
    """Returns the wheel of a distribution in a folder."""
    (found,) = folder.glob(f"{distribution.replace('-', '_')}-*.whl")
    return found


def new_environment(folder: Path) -> Path:
    """Makes an empty virtual environment; returns its interpreter."""
    venv.create(folder, with_pip=True)
    windows = folder / "Scripts" / "python.exe"
    return windows if windows.exists() else folder / "bin" / "python"


def pip_install(python: Path, *what: str | Path) -> None:
    """Installs into an environment, in the versions that are tested."""
    constraints = ["-c", ROOT / "constraints.txt"]
    run(python, "-m", "pip", "install", "--quiet", *constraints, *what)
