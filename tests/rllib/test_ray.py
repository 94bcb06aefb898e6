from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest

CONSTRAINTS = Path(__file__).parents[2] / "constraints-rllib.txt"


def test_constraints_have_the_gymnasium_that_ray_pins() -> None:
    try:
        needs = requires("ray") or []
    except PackageNotFoundError:
        pytest.skip("Ray is not installed here, so no test of velora-rllib runs")
    of_rllib = [need for need in needs if 'extra == "rllib"' in need]
    (need,) = [need for need in of_rllib if need.startswith("gymnasium")]
    pinned = re.sub(r"\s|;.*", "", need)
    assert pinned == f"gymnasium=={version('gymnasium')}"
    assert pinned in CONSTRAINTS.read_text("utf-8").splitlines()
