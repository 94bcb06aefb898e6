"""What an import brings along, and what another `velora` does to ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import velora
import velora.cli
import velora.plugins
import velora.utils


def python(code: str, *arguments: str, path: str = "") -> subprocess.CompletedProcess:
    paths = [path, os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=env,
        capture_output=True,
        encoding="utf-8",
    )


def test_velora_is_a_namespace() -> None:
    assert velora.__file__ is None


def test_each_package_offers_what_it_names() -> None:
    for package in (velora.plugins, velora.utils, velora.cli):
        assert all(hasattr(package, name) for name in package.__all__)


def test_importing_plugins_stays_light_and_loads_no_plugin() -> None:
    done = python(
        "import sys; before = set(sys.modules); import velora.plugins;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = set(done.stdout.split())
    assert "velora.plugins.host" in loaded
    assert not loaded & {"torch", "numpy", "click", "rich", "gymnasium"}
    ours = {name.split(".")[1] for name in loaded if name.startswith("velora.")}
    assert ours == {"plugins"}


def test_importing_utils_loads_no_plugin_and_no_command() -> None:
    done = python(
        "import sys, velora.utils, velora.plugins as p;"
        "print(p.process.host._loaded, *sorted(sys.modules))"
    )
    loaded, *modules = done.stdout.split()
    assert loaded == "False"
    assert "torch" in modules
    assert not {"rich", "velora.cli", "velora.wiring"} & set(modules)


@pytest.fixture
def shadowed(tmp_path: Path) -> str:
    """A folder in which a regular package `velora` swallows our leaves."""
    for leaf in (velora.plugins, velora.utils, velora.cli):
        source = Path(leaf.__file__).parent
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tmp_path / "velora" / source.name, ignore=skip)
    (tmp_path / "velora" / "__init__.py").write_text('"""Not ours."""\n')
    return str(tmp_path)


@pytest.mark.parametrize("module", ["velora.plugins", "velora.utils"])
def test_import_beside_the_unrelated_velora_names_the_fix(
    shadowed: str, module: str
) -> None:
    done = python(f"import {module}", path=shadowed)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: The unrelated distribution `velora`")
    assert "pip uninstall velora" in last


@pytest.mark.parametrize("arguments", [["plugins"], ["--help"], []])
def test_command_beside_the_unrelated_velora_names_the_fix_without_traceback(
    shadowed: str, arguments: list[str]
) -> None:
    run = "import velora.cli; print(velora.__file__); velora.cli.main()"
    done = python(run, *arguments, path=shadowed)
    assert done.stdout.strip() == str(Path(shadowed) / "velora" / "__init__.py")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: The unrelated distribution `velora`")
    assert "pip uninstall velora" in line
