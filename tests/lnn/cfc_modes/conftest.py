"""The path that a test of the modes takes."""

from types import SimpleNamespace

import pytest
from closed_forms import PATHS, taken


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    """The path that sequences take: the test fails if they took another or none."""
    with taken(monkeypatch, request.param) as (dtype, calls):
        yield SimpleNamespace(dtype=dtype, calls=calls)
