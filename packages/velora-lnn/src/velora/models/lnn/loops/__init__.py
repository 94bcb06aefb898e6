"""Loops over numbers that numba compiles for the CPU, in single precision.

Imported by `compiled`, which knows whether numba is there.
"""

from velora.models.lnn.loops.mish import mish_backward, mish_forward, mish_with_slope
from velora.models.lnn.loops.recurrence import scan_backward, scan_forward

__all__ = [
    "mish_backward",
    "mish_forward",
    "mish_with_slope",
    "scan_backward",
    "scan_forward",
]
