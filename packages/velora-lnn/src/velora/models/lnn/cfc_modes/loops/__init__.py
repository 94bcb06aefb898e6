"""The recurrence in loops over numbers that numba compiles for the CPU."""

from velora.models.lnn.cfc_modes.loops.modes import CODES
from velora.models.lnn.cfc_modes.loops.recurrence import (
    NO_MATRIX,
    NO_RESETS,
    NO_STACK,
    scan_backward,
    scan_forward,
)

__all__ = [
    "CODES",
    "NO_MATRIX",
    "NO_RESETS",
    "NO_STACK",
    "scan_backward",
    "scan_forward",
]
