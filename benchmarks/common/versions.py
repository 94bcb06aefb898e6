"""The versions of what computes a row: Python, libraries, Velora's sources, plugins."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from velora.plugins import networks, wirings

LIBRARIES = (
    "torch",
    "numpy",
    "gymnasium",
    "stable-baselines3",
    "sb3-contrib",
    "numba",
)
OURS = {
    "velora-core": ("velora.plugins", "velora.utils"),
    "velora-wiring": ("velora.wiring",),
    "velora-lnn": ("velora.models",),
    "velora-sb3": ("velora.sb3",),
}
SWITCHES = ("VELORA_SCAN", "NUMBA_DISABLE_JIT")


@functools.cache
def versions(*plugins: str) -> dict[str, str | None]:
    """Returns the version of each part, None where it is not installed.

    Velora's packages and the plugins go by a hash of their files, since their version
    number stays from one commit to the next. A plugin brings what it requires.
    """
    found = {"python": platform.python_version()}
    found |= {name: installed(name) for name in LIBRARIES}
    found |= {name: digest(modules) for name, modules in OURS.items()}
    for plugin in plugins:
        points = distribution(plugin).entry_points.select(group="velora")
        found[plugin] = digest({point.module.split(".")[0] for point in points})
        required = distribution(plugin).requires or ()
        names = {re.split(r"[^\w.-]", line)[0] for line in required if ";" not in line}
        found |= {name: installed(name) for name in names - found.keys()}
    return found


def switches() -> dict[str, str]:
    """Returns the environment variables that choose what computes, where set."""
    return {name: os.environ[name] for name in SWITCHES if name in os.environ}


def installed(name: str) -> str | None:
    """Returns the version of a distribution, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def digest(modules: Iterable[str]) -> str:
    """Returns a hash of the modules' files, where they lie and what they hold."""
    found = hashlib.sha256()
    for module in sorted(modules):
        spec = find_spec(module)
        if spec is None:
            raise ModuleNotFoundError(f"{module} must be installed; there is none.")
        for root in spec.submodule_search_locations or [spec.origin]:
            folder = Path(root)
            files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    found.update(f"{module}/{file.relative_to(folder)}\0".encode())
                    found.update(file.read_bytes())
    return found.hexdigest()[:12]


def plugins_of(options: Any) -> list[str]:
    """Returns whose networks and wirings are named or override others, but Velora's."""
    text = json.dumps(options, default=repr, ensure_ascii=False)
    named = set(re.findall(r'"([^"]*)"', text))
    owners = {
        entry.distribution
        for registry in (networks(), wirings())
        for entry in registry.values()
        if entry.name in named or entry.override
    }
    return sorted(owner for owner in owners if owner and owner not in OURS)
