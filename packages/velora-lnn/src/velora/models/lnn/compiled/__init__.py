"""What all recurrences share of numba: whether it is there, its dialect, Mish.

Only what `loops` imports may import `dialect`, which needs numba.
"""

from velora.models.lnn.compiled.availability import loops

__all__ = ["loops"]
