"""What `velora info` tells of compiled loops."""

from __future__ import annotations

import os
from importlib.metadata import version

from velora.models.lnn.backend import NUMBA, OPERATORS, STEPS, VARIABLE, may_compile
from velora.models.lnn.compiled.availability import REFUSED, loops

_LOOPS = "velora.models.lnn.compiled.mish"  # those that compile in the least time


def compiled_loops() -> str:
    """Says whether loops are compiled here, and why not; compiles some to know it."""
    forced = os.environ.get(VARIABLE)
    if forced and forced not in (NUMBA, OPERATORS, STEPS):
        known = [NUMBA, OPERATORS, STEPS]
        return f"an error: {VARIABLE} must be one of {known}, or unset; got {forced!r}"
    if not may_compile():
        return f"off: {VARIABLE}={forced}"
    if loops(_LOOPS) is None:
        error = f"; an error with {VARIABLE}={forced}" if forced else ""
        return f"off: {REFUSED[_LOOPS]}{error}"
    # Which only what is compiled may import.
    from velora.models.lnn.compiled.dialect import NOT_KEPT

    kept = "" if not NOT_KEPT else ", by each process anew, as numba cannot keep them"
    return f"on: compiled by numba {version('numba')}{kept}"
