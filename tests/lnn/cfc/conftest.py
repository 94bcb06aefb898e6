"""The path that a test takes, and whether whole networks are one function."""

from collections import Counter
from types import SimpleNamespace

import pytest
from paths import PATHS, force

from velora.models.lnn.cfc import network
from velora.models.lnn.cfc.fused import fused


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    """The path that sequences take: the test fails if they took another or none."""
    dtype, backend = PATHS[request.param]
    calls = force(monkeypatch, request.param)
    yield SimpleNamespace(dtype=dtype, calls=calls)
    assert calls[f"{backend.name} forward"]
    assert set(calls) <= {f"{backend.name} {way}" for way in ("forward", "backward")}


@pytest.fixture
def fused_calls(monkeypatch):
    """Counts the sequences that a network computes as one function."""
    calls = Counter()

    def counted(*arguments, **options):
        calls["fused"] += 1
        return fused(*arguments, **options)

    monkeypatch.setattr(network, "fused", counted)
    return calls
