"""The recurrence in loops over numbers that numba compiles for the CPU."""

from velora.models.lnn.cfc.loops.recurrence import scan_backward, scan_forward

__all__ = ["scan_backward", "scan_forward"]
