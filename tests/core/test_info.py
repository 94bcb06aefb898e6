"""`velora info`: what a report needs, whatever is installed here."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from click.testing import CliRunner

from velora.cli.group import velora
from velora.plugins import facts, plugins
from velora.plugins.distribution import OURS
from velora.utils import set_device

PACKAGES = [*OURS, "torch", "stable-baselines3", "sb3-contrib", "gymnasium", "ray"]
PACKAGES += ["numba", "numpy", "pluggy"]
MAIN = "from velora.cli import main; main()"
# A Python that finds neither the module nor the metadata of some distributions.
WITHOUT = """
import sys
from importlib.machinery import PathFinder
from importlib.metadata import MetadataPathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            return None
        return super().find_spec(name, path, target)

    @classmethod
    def find_distributions(cls, *arguments):
        for found in MetadataPathFinder.find_distributions(*arguments):
            if found.metadata["Name"] not in {names}:
                yield found

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


def run(
    code: str, *arguments: str, path: str = "", disable: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs Python without settings of ours, with a folder on its path."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("VELORA_")}
    paths = filter(None, [path, os.environ.get("PYTHONPATH")])
    env |= {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": os.pathsep.join(paths)}
    env["VELORA_DISABLE_PLUGINS"] = disable
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=env,
        capture_output=True,
        encoding="utf-8",
    )


def test_json_has_versions_facts_and_plugins() -> None:
    done = CliRunner().invoke(velora, ["info", "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    keys = ["packages", "python", "platform", "facts", "plugins"]
    assert list(document) == keys
    packages = document["packages"]
    assert list(packages)[: len(PACKAGES)] == PACKAGES
    assert all(name.startswith("velora-") for name in [*packages][len(PACKAGES) :])
    for name in ("velora-core", "torch", "numpy", "pluggy"):
        assert packages[name] == version(name)
    assert document["python"].split()[0] == platform.python_version()
    assert document["platform"] == platform.platform()
    assert [row["name"] for row in document["facts"]] == list(facts())
    for row in document["facts"]:
        assert list(row) == ["name", "distribution", "value", "error"]
        assert (row["value"] is None) != (row["error"] is None)
    device = {row["name"]: row for row in document["facts"]}["device"]
    assert device["distribution"] == "velora-core"
    assert device["value"].split()[0] == str(set_device("auto"))
    expected = [(info.name, info.version, info.status) for info in plugins()]
    rows = document["plugins"]
    assert [(row["name"], row["version"], row["status"]) for row in rows] == expected


def test_words_say_what_the_json_says() -> None:
    document = json.loads(CliRunner().invoke(velora, ["info", "--json"]).stdout)
    done = CliRunner().invoke(velora, ["info"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    expected = list(document["packages"].items())
    expected += [(name, document[name]) for name in ("python", "platform")]
    expected += [(row["name"], row["value"]) for row in document["facts"]]
    for line, (name, text) in zip(lines, expected, strict=False):
        assert line.startswith(name)
        assert line[len(name) :].strip() == (text or "not installed")
    rest = lines[len(expected) :]
    assert [line.split()[:2] for line in rest] == [
        ["plugin", row["name"]] for row in document["plugins"]
    ]


def test_command_prints_one_document_in_a_process_of_its_own() -> None:
    done = run(MAIN, "info", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["packages"]["velora-core"] == version("velora-core")


def test_package_that_is_missing_is_not_installed() -> None:
    code = WITHOUT.format(names=["numba", "gymnasium"]) + MAIN
    done = run(code, "info")
    assert done.returncode == 0, done.stderr
    assert f"torch              {version('torch')}" in done.stdout.splitlines()
    for name in ("numba    ", "gymnasium"):
        assert f"{name}          not installed" in done.stdout.splitlines()
    packages = json.loads(run(code, "info", "--json").stdout)["packages"]
    assert packages["numba"] is packages["gymnasium"] is None


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (None, "ModuleNotFoundError: No module named 'torch'"),
        ("raise OSError('libcudart.so: no such file')", "OSError: libcudart.so: no"),
    ],
    ids=["missing", "broken"],
)
def test_torch_that_cannot_be_imported_is_told_and_ends_nothing(
    tmp_path: Path, source: str | None, cause: str
) -> None:
    code = WITHOUT.format(names=["torch"]) if source is None else ""
    if source is not None:
        (tmp_path / "torch.py").write_text(source)
    done = run(code + MAIN, "info", path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    (device,) = [x for x in done.stdout.splitlines() if x.startswith("device ")]
    assert device.split(None, 1)[1].startswith(
        "unknown: PluginError: The fact 'device'"
    )
    assert cause in device


def test_unreadable_metadata_costs_its_version_alone(tmp_path: Path) -> None:
    folder = tmp_path / "velora_acme-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: velora-acme\n")
    done = run(MAIN, "info", path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (line,) = [x for x in done.stdout.splitlines() if x.startswith("velora-acme")]
    assert line.split() == ["velora-acme", "unknown"]


def test_what_is_left_of_the_unrelated_velora_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "velora-0.2.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: velora\nVersion: 0.2.0\n")
    done = run(MAIN, "info", "--json", path=str(tmp_path))
    assert json.loads(done.stdout)["packages"]["velora"] == "0.2.0"


@pytest.mark.parametrize("arguments", [["--help"], ["info", "--help"], ["--version"]])
def test_velora_core_imports_no_torch_before_it_is_asked(arguments: list[str]) -> None:
    # The folders of other plugins may import it.
    others = {entry.dist.name for entry in entry_points(group="velora")} - {OURS[0]}
    code = (
        "import atexit, sys\natexit.register(lambda: print('torch' in sys.modules))\n"
    )
    done = run(code + MAIN, *arguments, disable=",".join(others))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("False\n")
    assert len(done.stdout.splitlines()) > 1


def test_help_says_what_it_is_for() -> None:
    done = CliRunner().invoke(velora, ["--help"])
    assert (
        "info     Show versions, the device and plugins, for a report." in done.output
    )
