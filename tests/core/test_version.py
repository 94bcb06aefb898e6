"""Every part of velora-core says the version of the distribution."""

from __future__ import annotations

from importlib.metadata import version
from types import ModuleType

import pytest

import velora.cli
import velora.plugins
import velora.utils


@pytest.mark.parametrize(
    "package",
    [velora.plugins, velora.utils, velora.cli],
    ids=lambda package: package.__name__,
)
def test_version_is_that_of_velora_core(package: ModuleType) -> None:
    assert package.__version__ == version("velora-core")
