"""The recurrence in loops over numbers that numba compiles for the CPU."""

from velora.models.lnn.gated_leaky.loops.recurrence import (
    NO_RESETS,
    NO_TIMES,
    NONE,
    scan_backward,
    scan_forward,
)

__all__ = ["NONE", "NO_RESETS", "NO_TIMES", "scan_backward", "scan_forward"]
