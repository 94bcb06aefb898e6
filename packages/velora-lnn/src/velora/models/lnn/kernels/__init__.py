"""What all recurrences share of Triton: whether it is there, its dialect, products.

Only modules of kernels may import `dialect`, `elementary` and `products`, which need
Triton; `operands` is for those who call.
"""

from velora.models.lnn.kernels.availability import kernels

__all__ = ["kernels"]
