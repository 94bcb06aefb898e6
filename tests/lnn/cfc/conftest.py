"""The path that a test of the closed-form recurrence takes."""

import pytest
from paths import PATHS, taken

from velora.models.lnn.cfc import backends


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    """The path that sequences take: the test fails if they took another or none."""
    with taken(monkeypatch, request.param, backends) as path:
        yield path
