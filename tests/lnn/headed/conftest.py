"""The path that a test takes, and whether whole networks are one function."""

from collections import Counter
from types import SimpleNamespace

import pytest
from paths import PATHS, taken

from velora.models.lnn import LiquidNCPNetwork
from velora.models.lnn.cfc import backends as cfc
from velora.models.lnn.gated_leaky import backends as gated_leaky
from velora.models.lnn.headed import fused


@pytest.fixture(params=PATHS)
def path(request, monkeypatch, recurrent_type):
    """The path that sequences take: the test fails if they took another or none."""
    room = cfc if recurrent_type is LiquidNCPNetwork else gated_leaky
    with taken(monkeypatch, request.param, room) as path:
        yield path


@pytest.fixture
def fused_calls(monkeypatch):
    """Counts the sequences that a network computes as one function."""
    calls, apply = Counter(), fused._Fused.apply

    def counted(*arguments):
        calls["fused"] += 1
        return apply(*arguments)

    monkeypatch.setattr(fused, "_Fused", SimpleNamespace(apply=counted))
    return calls
