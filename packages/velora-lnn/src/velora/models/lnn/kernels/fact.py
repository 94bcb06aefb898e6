"""What `velora info` tells of kernels."""

from __future__ import annotations

from importlib.metadata import version

import torch

from velora.models.lnn.backend import NAMES, TRITON, VARIABLE, forced
from velora.models.lnn.kernels.availability import REFUSED, is_able, kernels

_KERNELS = "velora.models.lnn.gated_leaky.kernels"


def gpu_kernels() -> str:
    """Says whether kernels run on the GPU here, and why not; compiles one to know."""
    if forced() in NAMES and forced() != TRITON:
        return f"off: {VARIABLE}={forced()}"
    if not torch.cuda.is_available():
        return "off: PyTorch finds no GPU that CUDA drives"
    if not is_able(torch.device("cuda", torch.cuda.current_device())):
        return "off: the GPU is older than NVIDIA's Ampere, or not NVIDIA's"
    if kernels(_KERNELS) is None:
        return f"off: {REFUSED[_KERNELS]}"
    return f"on: compiled by Triton {version('triton')}"
