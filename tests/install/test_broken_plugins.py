"""Plugins that are really installed, each broken in its way, between two that work."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from environments import ROOT, VERSION, build, new_environment, pip_install, run, wheel

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.5"

[project.entry-points.velora]
{name} = "{entry}"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""
GOOD = """
from velora.plugins import hookimpl

def build(in_features, out_features, *, device=None):
    raise NotImplementedError("nobody builds it here")

@hookimpl
def velora_register_networks(registry):
    registry.add("{network}", build, summary="one that works")
"""
HOOK = "from velora.plugins import hookimpl\n\n@hookimpl\n"


@dataclass
class Case:
    """A plugin, and what must be said of it."""

    source: str
    cause: str
    entry: str = ""
    status: str = "broken"


CASES = {
    "acme-raises": Case("raise ValueError('no table')", "ValueError: no table"),
    "acme-library": Case(
        "import no_such_library",
        "ModuleNotFoundError: No module named 'no_such_library'",
    ),
    "acme-misspelled": Case(
        HOOK + "def velora_register_netwroks(registry): ...",
        "unknown hook 'velora_register_netwroks'",
    ),
    "acme-argument": Case(
        HOOK + "def velora_register_networks(registry, colour): ...", "{'colour'}"
    ),
    "acme-half-way": Case(
        HOOK
        + """def velora_register_networks(registry):
            registry.add("half", dict, summary="half")
            raise RuntimeError("half-way")
        """,
        "RuntimeError: half-way",
    ),
    "acme-thief": Case(
        GOOD.format(network="first"), "'first' is claimed twice: by acme-good and by "
    ),
    "acme-liquid": Case(
        GOOD.format(network="liquid"),
        "'liquid' is claimed twice: by velora-lnn and by ",
    ),
    "acme-newer": Case(
        "from velora.plugins import require_api\n\nrequire_api(99)",
        f"needs version 99 of the plugin API, and velora-core {VERSION} offers version",
    ),
    "acme-nothing": Case(
        "", "ModuleNotFoundError: No module named 'acme_absent'", entry="acme_absent"
    ),
    "acme-disabled": Case(
        "raise SystemExit('never imported')",
        "VELORA_DISABLE_PLUGINS",
        status="disabled",
    ),
}
# One has the name of a distribution of ours, which no newcomer may take down.
WORKING = {"acme-good": "first", "velora-lnn": "liquid", "zzz-good": "last"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of velora-core and of every plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    build(ROOT / "packages" / "velora-core", folder, "--wheel")
    sources = {name: GOOD.format(network=net) for name, net in WORKING.items()}
    sources |= {name: dedent(case.source) for name, case in CASES.items()}
    for name, source in sources.items():
        project, module = tmp_path_factory.mktemp(name), name.replace("-", "_")
        entry = CASES[name].entry if name in CASES else ""
        text = PROJECT.format(name=name, module=module, entry=entry or module)
        (project / "pyproject.toml").write_text(text, "utf-8")
        (project / module).mkdir()
        (project / module / "__init__.py").write_text(source, "utf-8")
        build(project, folder, "--wheel")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """An interpreter with velora-core and what its command needs."""
    python = new_environment(tmp_path_factory.mktemp("venv"))
    pip_install(python, "--no-deps", wheel(wheels, "velora-core"))
    pip_install(python, "pluggy", "click", "rich")
    return python


def velora(
    python: Path, site: Path, *arguments: str, strict: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs the installed `velora` with what lies in a folder on the path."""
    ours = ("VELORA_", "PYTHONPATH", "PYTHONWARNINGS", "FORCE_COLOR")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    env |= {"PYTHONPATH": str(site), "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    env["VELORA_DISABLE_PLUGINS"] = "acme-disabled" if "disabled" in site.name else ""
    env["VELORA_STRICT_PLUGINS"] = "1" if strict else ""
    return subprocess.run(
        [python.parent / "velora", *arguments],
        env=env,
        cwd=site,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("name", CASES)
def test_installed_plugin_is_named_with_its_cause_and_the_others_work(
    name: str, wheels: Path, python: Path, tmp_path: Path
) -> None:
    case, site = CASES[name], tmp_path / name
    found = [wheel(wheels, each) for each in (*WORKING, name)]
    pip_install(python, "--no-deps", "--no-index", "--target", site, *found)
    broken = case.status == "broken"

    done = velora(python, site, "plugins", "--json")
    assert done.returncode == (1 if broken else 0), done.stderr
    rows = {row["distribution"]: row for row in json.loads(done.stdout)}
    assert rows.keys() == {"velora-core", *WORKING, name}
    ours = ["fact device", "check command", "check fact"]
    assert rows["velora-core"]["provides"] == ours
    for good, network in WORKING.items():
        assert rows[good]["status"] == "active"
        assert rows[good]["provides"] == [f"network {network}"]
    assert (rows[name]["name"], rows[name]["version"]) == (name, "1.5")
    assert rows[name]["status"] == case.status
    assert case.cause in rows[name]["error"]
    assert rows[name]["provides"] == []

    shown = velora(python, site, "plugins")
    assert shown.returncode == done.returncode
    flat = " ".join(shown.stdout.split())
    assert f"{name} of {name} 1.5 is {case.status}: " in flat
    assert case.cause in flat
    assert "network: last" in flat
    strict = velora(python, site, "plugins", strict=True)
    assert (strict.returncode, strict.stdout) == (shown.returncode, shown.stdout)

    strict = velora(python, site, "--help", strict=True)
    assert strict.returncode == (1 if broken else 0)
    if broken:
        entry = case.entry or name.replace("-", "_")
        assert f"{name!r} of {name} (entry point {entry})" in strict.stderr
        assert case.cause in strict.stderr
        assert "Traceback" not in strict.stderr


def test_strict_raises_in_a_program_with_the_cause_chained(
    wheels: Path, python: Path, tmp_path: Path
) -> None:
    found = [wheel(wheels, each) for each in ("acme-good", "acme-raises")]
    site = tmp_path / "site"
    pip_install(python, "--no-deps", "--no-index", "--target", site, *found)
    program = """
import os, sys
sys.path.insert(0, sys.argv[1])
os.environ["VELORA_STRICT_PLUGINS"] = "1"
from velora.plugins import PluginError, networks
try:
    networks()
except PluginError as error:
    assert "acme-raises" in str(error), error
    assert isinstance(error.__cause__, ValueError), error.__cause__
else:
    raise SystemExit("no error")
"""
    run(python, "-c", program, site, cwd=tmp_path)
