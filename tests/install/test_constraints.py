"""One version of a package is tested with, but for what Ray pins."""

from __future__ import annotations

from pathlib import Path

from environments import ROOT

PINNED_BY_RAY = {"gymnasium"}


def versions(file: Path) -> dict[str, str]:
    lines = file.read_text("utf-8").splitlines()
    pairs = [line.split("==", 1) for line in lines if "==" in line and line[0] != "#"]
    return dict(pairs)


def test_ray_is_tested_with_the_versions_of_all_else() -> None:
    usual = versions(ROOT / "constraints.txt")
    with_ray = versions(ROOT / "constraints-rllib.txt")
    both = usual.keys() & with_ray.keys()
    assert {"torch", "numpy", "pytest"} <= both
    assert {name for name in both if usual[name] != with_ray[name]} == PINNED_BY_RAY
    assert "ray" in with_ray
    assert "ray" not in usual
