"""Real distributions in a temporary folder, seen by a host here or by a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions, entry_points
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from velora.plugins import process
from velora.plugins.distribution import Declared, declared_by
from velora.plugins.host import PluginHost

# A process that a test starts sees the test's plugins and none of these.
INSTALLED = sorted({entry.dist.name for entry in entry_points(group="velora")})


class Site:
    """A folder as `site-packages`, filled by a test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self,
        distribution: str,
        source: str | None = None,
        *,
        entry_points: dict[str, str] | None = None,
        version: str = "1.0",
    ) -> str:
        """Writes a distribution with one module; returns the module's name.

        The one entry point is the module under its own name, unless given.
        """
        module = distribution.replace("-", "_")
        if source is not None:
            (self.root / f"{module}.py").write_text(dedent(source), "utf-8")
        info = self.root / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        lines = [f"{k} = {v}" for k, v in (entry_points or {module: module}).items()]
        (info / "entry_points.txt").write_text("\n".join(["[velora]", *lines, ""]))
        return module

    def network(self, distribution: str, name: str, options: str = "") -> str:
        """Writes a plugin that registers one network."""
        return self.add(
            distribution,
            f"""
            from velora.plugins import hookimpl

            def build(in_features, out_features, *, device=None):
                return "{distribution}"

            @hookimpl
            def velora_register_networks(registry):
                registry.add("{name}", build, {options})
            """,
        )

    def check_of_commands(self) -> None:
        """Writes a distribution that brings what velora-core itself registers."""
        self.add("check-of-commands", entry_points={"cli": "velora.cli.plugin"})

    def find(self) -> Iterable[Declared]:
        return declared_by(distributions(path=[str(self.root)]))

    def host(self) -> PluginHost:
        """Returns a host of this process that has loaded nothing yet."""
        return PluginHost(self.find)

    def python(
        self, *arguments: str, disable: str = "", strict: str = "", columns: int = 80
    ) -> subprocess.CompletedProcess[str]:
        """Runs Python with the folder on its path and a terminal of some columns."""
        ours = ("VELORA_", "PYTHONWARNINGS", "FORCE_COLOR", "PYTHONPATH")
        env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        path = [str(self.root), os.environ.get("PYTHONPATH", "")]
        env |= {
            "COLUMNS": str(columns),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "VELORA_DISABLE_PLUGINS": ",".join([*INSTALLED, disable]),
            "VELORA_STRICT_PLUGINS": strict,
        }
        return subprocess.run(
            [sys.executable, *arguments],
            env=env,
            cwd=self.root,
            capture_output=True,
            encoding="utf-8",
        )

    def velora(
        self, *arguments: str, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs the `velora` command."""
        run = "from velora.cli import main; main()"
        return self.python("-c", run, *arguments, **settings)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.delenv("VELORA_DISABLE_PLUGINS", raising=False)
    monkeypatch.delenv("VELORA_STRICT_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(root)
    yield Site(root)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(root):
            del sys.modules[name]


@pytest.fixture
def alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site, whose plugins are all that this process finds installed."""
    monkeypatch.setattr(process, "host", site.host())
    return site
