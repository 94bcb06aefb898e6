"""The recurrence in loops over numbers that numba compiles for the CPU."""

from velora.models.lnn.ltc.loops.recurrence import (
    NO_CURRENTS,
    NO_RESETS,
    NO_TIMES,
    scan_backward,
    scan_forward,
)

__all__ = [
    "NO_CURRENTS",
    "NO_RESETS",
    "NO_TIMES",
    "scan_backward",
    "scan_forward",
]
