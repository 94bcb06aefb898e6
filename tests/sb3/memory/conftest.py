"""The algorithm that replays sequences, of a test for each of them."""

from __future__ import annotations

import pytest
from replay_agents import KINDS, Kind


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]
