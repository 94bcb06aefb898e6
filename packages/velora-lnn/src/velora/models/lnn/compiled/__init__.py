"""What all recurrences share of numba: whether it is there, its dialect, Mish.

Only what `loops` imports may import `dialect`, `elementary` and `products`, which need
numba; `operands` is for those who call.
"""

from velora.models.lnn.compiled.availability import loops

__all__ = ["loops"]
