"""What users get: sdists and wheels, installed without anything beside them."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, VERSION, build, new_environment, pip_install, run, wheel

LEAVES = {
    "velora-core": ["plugins", "utils", "cli"],
    "velora-wiring": ["wiring"],
    "velora-lnn": ["models"],
    "velora-sb3": ["sb3", "sb3_plugin"],
    "velora-report": ["report", "report_plugin"],
    "velora-onnx": ["onnx", "onnx_plugin"],
    "velora-rllib": ["rllib"],
}
# Ray pins a gymnasium of its own, so velora-rllib is installed by `tox -e rllib`.
TOGETHER = {name: leaves for name, leaves in LEAVES.items() if name != "velora-rllib"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of every package and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    for name in LEAVES:
        build(ROOT / "packages" / name, folder)
    return folder


@pytest.fixture(scope="module")
def contents(dist: Path) -> dict[str, list[str]]:
    """The files in each wheel, by distribution."""
    return {name: zipfile.ZipFile(wheel(dist, name)).namelist() for name in LEAVES}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh, empty virtual environment."""
    return new_environment(tmp_path_factory.mktemp("venv"))


def install(python: Path, dist: Path, *names: str) -> None:
    """Installs from the built files; the rest comes from the registry, as tested."""
    pip_install(python, *(wheel(dist, name) for name in names))


@pytest.mark.parametrize("name", LEAVES)
def test_wheel_holds_its_own_leaves_only(
    name: str, contents: dict[str, list[str]]
) -> None:
    parts = [file.split("/") for file in contents[name]]
    folders = {part[1] for part in parts if part[0] == "velora"}
    assert folders == set(LEAVES[name])
    assert all(part[0] == "velora" or ".dist-info" in part[0] for part in parts)


@pytest.mark.parametrize("name", LEAVES)
def test_wheel_marks_each_leaf_as_typed(
    name: str, contents: dict[str, list[str]]
) -> None:
    for leaf in LEAVES[name]:
        assert f"velora/{leaf}/py.typed" in contents[name]


def test_no_two_wheels_share_a_file(contents: dict[str, list[str]]) -> None:
    files = [file for names in contents.values() for file in names]
    assert len(files) == len(set(files))


def test_wheel_holds_the_page_of_reports(contents: dict[str, list[str]]) -> None:
    parts = {f"velora/report/html/page.{kind}" for kind in ("html", "css", "js")}
    assert parts <= set(contents["velora-report"])


@pytest.mark.parametrize("name", LEAVES)
def test_sdist_holds_readme_and_licence(name: str, dist: Path) -> None:
    (sdist,) = dist.glob(f"{name.replace('-', '_')}-*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {Path(file).name for file in archive.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml"} <= files


def test_versions_move_in_lock_step(dist: Path) -> None:
    metadata = {}
    for name in LEAVES:
        built = wheel(dist, name)
        file = f"{built.name.split('-py3')[0]}.dist-info/METADATA"
        metadata[name] = zipfile.ZipFile(built).read(file).decode()
    versions = {re.search(r"^Version: (.*)$", m, re.M)[1] for m in metadata.values()}
    assert versions == {VERSION}
    for text in metadata.values():
        pins = re.findall(
            r"^Requires-Dist: velora-\w+(?:\[\w+\])?(.*?)(?:;|$)", text, re.M
        )
        assert all(pin == f"=={VERSION}" for pin in pins)


PROBE = """
import importlib, importlib.util, json, sys
import velora
names = sys.argv[1:]
for name in names:
    importlib.import_module(name)
modules = [sys.modules[name] for name in names if not name.endswith("_plugin")]
absent = ["pytest", "stable_baselines3", "gymnasium", "matplotlib", "sb3_contrib"]
print(json.dumps({
    "file": velora.__file__,
    "versions": {module.__name__: module.__version__ for module in modules},
    "absent": [name for name in absent if importlib.util.find_spec(name) is None],
}))
"""


def probe(python: Path, cwd: Path, *modules: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(python, "-c", PROBE, *modules, cwd=cwd))
    return answer


def test_what_acts_installs_without_all_that_trains(dist: Path, tmp_path: Path) -> None:
    alone = new_environment(tmp_path)
    install(alone, dist, "velora-onnx")
    said = run(alone, "-c", ACTING_ALONE, cwd=tmp_path)
    assert said.splitlines() == ["[]", "pip install 'velora-onnx[export]'."]


ACTING_ALONE = """
import importlib.util
import velora.onnx

heavy = ["torch", "gymnasium", "stable_baselines3", "onnx", "pluggy", "click"]
print([name for name in heavy if importlib.util.find_spec(name)])
try:
    velora.onnx.export(None, "policy.onnx")
except ImportError as error:
    print(str(error).partition("Run: ")[2])
"""


def test_packages_install_one_by_one_and_then_together(
    python: Path, dist: Path, tmp_path: Path
) -> None:
    install(python, dist, "velora-core", "velora-wiring")
    alone = probe(python, tmp_path, "velora.wiring", "velora.plugins", "velora.cli")
    assert alone["file"] is None
    assert {"stable_baselines3", "gymnasium", "matplotlib"} <= set(alone["absent"])
    names = [row["name"] for row in plugins(python, tmp_path)]
    assert names == ["cli", "wiring"]
    packages = info(python, tmp_path)["packages"]
    assert packages["velora-wiring"] == VERSION
    assert packages["velora-sb3"] is packages["stable-baselines3"] is None

    install(python, dist, *TOGETHER)
    modules = [f"velora.{leaf}" for leaves in TOGETHER.values() for leaf in leaves]
    together = probe(python, tmp_path, *modules)
    assert together["file"] is None
    assert {"pytest", "sb3_contrib"} <= set(together["absent"])
    assert set(together["versions"].values()) == {VERSION}
    rows = plugins(python, tmp_path)
    assert [row["status"] for row in rows] == ["active"] * 6
    assert sorted(row["distribution"] for row in rows) == sorted(TOGETHER)
    said = run(python.parent / "velora", "report", "--help", cwd=tmp_path)
    assert "--vec-normalize" in said
    told = info(python, tmp_path)
    assert {told["packages"][name] for name in TOGETHER} == {VERSION}
    facts = {row["name"]: row["value"] for row in told["facts"]}
    assert facts["compiled loops"].startswith("off: numba is not installed")

    run(python, "-c", WITHOUT_CONTRIB, cwd=tmp_path)


WITHOUT_CONTRIB = """
import velora.sb3
from stable_baselines3 import SAC
from velora.plugins import policies

SAC("NCPPolicy", "Pendulum-v1").learn(110)
assert len(policies()) == 2 * 6 + 3 * 3, list(policies())  # and our algorithms'
try:
    import velora.sb3.tqc
except ImportError as error:
    assert error.name == "sb3_contrib"
    assert "'velora-sb3[contrib]'" in str(error)
else:
    raise AssertionError("an algorithm of sb3-contrib was imported without it")
"""


def plugins(python: Path, cwd: Path) -> list[dict[str, str]]:
    """What the installed `velora plugins` command shows."""
    rows: list[dict[str, str]] = json.loads(
        run(python.parent / "velora", "plugins", "--json", cwd=cwd)
    )
    return rows


def info(python: Path, cwd: Path) -> dict[str, Any]:
    """What the installed `velora info` command says."""
    told: dict[str, Any] = json.loads(
        run(python.parent / "velora", "info", "--json", cwd=cwd)
    )
    return told
