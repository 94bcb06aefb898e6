"""The plugin is right, and its page says what works."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import ncps.torch
import ncps.wirings
import pytest

from velora.models.testing import check_network
from velora.plugins import networks, plugins, wirings
from velora.plugins.testing import Checked, check_plugin


@pytest.mark.parametrize("name", ["ncps-cfc", "ncps-ltc"])
def test_network_passes_every_check(name: str) -> None:
    check_network(name, n_neurons=9)


def test_plugin_passes_every_check() -> None:
    checked = ("wiring auto-ncp", "network ncps-cfc", "network ncps-ltc")
    assert check_plugin("velora_ncps") == Checked(checked, ())


def test_plugin_is_found_where_it_is_installed() -> None:
    (info,) = [info for info in plugins() if info.name == "ncps"]
    assert (info.distribution, info.status) == ("velora-ncps", "active")
    assert networks()["ncps-cfc"].distribution == "velora-ncps"
    assert wirings()["auto-ncp"].distribution == "velora-ncps"


def test_code_of_the_readme_runs(tmp_path: Path) -> None:
    page = Path(__file__).parents[1] / "README.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)
    assert len(blocks) == 4
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_page_about_ncps_prints_what_it_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "ncps.md").read_text("utf-8")
    pattern = r"^```python\n(.*?)^```(?:\n\n```text\n(.*?)^```)?"
    blocks = re.findall(pattern, page, re.S | re.M)
    assert [bool(printed) for _, printed in blocks] == [False, False, True, True, True]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code for code, _ in blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(printed for _, printed in blocks)


def public_names() -> set[str]:
    """What ncps offers in PyTorch: classes, what they have, and their arguments."""
    names = set(ncps.torch.__all__)
    for module in (ncps.torch, ncps.wirings):
        for name, kind in vars(module).items():
            if not isinstance(kind, type) or name.startswith("_"):
                continue
            names |= {name, *inspect.signature(kind).parameters}
            own = [base for base in kind.__mro__ if base.__module__.startswith("ncps")]
            names |= {name for base in own for name in vars(base)}
    return {name for name in names if not name.startswith("_")}


def test_page_about_ncps_names_all_that_it_has() -> None:
    page = (Path(__file__).parents[4] / "docs" / "ncps.md").read_text("utf-8")
    prose = re.sub(r"^```.*?^```", "", page, flags=re.S | re.M)
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", prose))))
    names = public_names()
    assert {"AutoNCP", "WiredCfCCell", "add_synapse", "ode_unfolds"} <= names
    missing = sorted(names - told)
    assert not missing, missing


def test_importing_it_needs_of_velora_the_core_alone() -> None:
    code = (
        "import sys, velora_ncps\n"
        "print(sorted({name.split('.')[1] for name in sys.modules "
        "if name.startswith('velora.')}))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "['plugins']"
