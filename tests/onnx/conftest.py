"""What all tests of velora-onnx share; agents are those of tests/sb3."""

from __future__ import annotations

import pytest
from shared_fixtures import single_thread as single_thread
from shared_fixtures import toy_networks as toy_networks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole",
        action="store_true",
        help="each algorithm with each policy, observation and action, 200 steps",
    )
