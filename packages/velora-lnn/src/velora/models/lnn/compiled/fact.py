"""What `velora info` tells of compiled loops."""

from __future__ import annotations

from importlib.metadata import version

from velora.models.lnn.backend import NAMES, NUMBA, VARIABLE, forced, may_compile
from velora.models.lnn.compiled.availability import REFUSED, loops

_LOOPS = "velora.models.lnn.compiled.mish"  # those that compile in the least time


def compiled_loops() -> str:
    """Says whether loops are compiled here, and why not; compiles some to know it."""
    name = forced()
    if name and name not in NAMES:
        known = list(NAMES)
        return f"an error: {VARIABLE} must be one of {known}, or unset; got {name!r}"
    if not may_compile():
        return f"off: {VARIABLE}={name}"
    if loops(_LOOPS) is None:
        error = f"; an error with {VARIABLE}={name}" if name == NUMBA else ""
        return f"off: {REFUSED[_LOOPS]}{error}"
    # Which only what is compiled may import.
    from velora.models.lnn.compiled.dialect import NOT_KEPT

    kept = "" if not NOT_KEPT else ", by each process anew, as numba cannot keep them"
    return f"on: compiled by numba {version('numba')}{kept}"
