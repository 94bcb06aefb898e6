"""The path that a test takes, and whether whole networks are one function."""

from collections import Counter

import pytest
from paths import PATHS, taken

from velora.models.lnn.cfc import backends, network
from velora.models.lnn.cfc.fused import fused


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    """The path that sequences take: the test fails if they took another or none."""
    with taken(monkeypatch, request.param, backends) as path:
        yield path


@pytest.fixture
def fused_calls(monkeypatch):
    """Counts the sequences that a network computes as one function."""
    calls = Counter()

    def counted(*arguments, **options):
        calls["fused"] += 1
        return fused(*arguments, **options)

    monkeypatch.setattr(network, "fused", counted)
    return calls
