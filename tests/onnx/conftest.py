"""What all tests of velora-onnx share; agents are those of tests/sb3."""

from __future__ import annotations

import pytest
import side_by_side
from shared_fixtures import single_thread as single_thread
from shared_fixtures import toy_networks as toy_networks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole",
        action="store_true",
        help="each policy with each observation and action; 200 steps of all",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--whole", False):
        side_by_side.LEAST_STEPS = 200
