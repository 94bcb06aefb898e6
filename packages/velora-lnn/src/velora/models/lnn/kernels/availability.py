"""Triton: whether it is there, and the modules of kernels that it compiles."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import os
from typing import Any

import torch

from velora.models.lnn.backend import TRITON, forced

logger = logging.getLogger(__name__)

REFUSED: dict[str, str] = {}
"""Why a module of kernels is not to be had, by its import path."""


@functools.cache
def kernels(name: str) -> Any | None:
    """Returns a module of kernels, or None where Triton is not to be had.

    The first call compiles a small one, to see whether Triton can: it needs a compiler
    for C as well.

    Args:
        name: the module's import path; it is imported where Triton is there.
    """
    if importlib.util.find_spec("triton") is None:
        REFUSED[name] = "Triton is not installed"
        return None
    try:
        from velora.models.lnn.kernels.trial import try_out

        try_out("cpu" if is_interpreted() else "cuda")
        return importlib.import_module(name)
    except Exception as error:  # whatever importing and compiling can raise
        REFUSED[name] = f"Triton cannot compile: {type(error).__name__}: {error}"
        logger.warning(
            "Triton cannot compile Velora's kernels here, so PyTorch's operators run: "
            "%s. Install what it asks for, as a compiler for C, or set "
            "VELORA_SCAN=operators.",
            error,
        )
        return None


def is_interpreted() -> bool:
    """Whether kernels shall run step by step on the CPU, as tests want."""
    return os.environ.get("TRITON_INTERPRET") == "1" and forced() == TRITON


def is_able(device: torch.device) -> bool:
    """Whether a device has what the kernels multiply with: NVIDIA's since Ampere."""
    if device.type == "cpu":
        return is_interpreted()
    return (
        device.type == "cuda"
        and torch.version.cuda is not None  # and not ROCm
        and _capability(device) >= (8, 0)
    )


_capability = functools.cache(torch.cuda.get_device_capability)
