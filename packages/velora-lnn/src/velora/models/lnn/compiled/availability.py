"""numba: whether it is there, and the modules of loops that it compiles."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import time
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

REFUSED: dict[str, str] = {}
"""Why a module of loops is not to be had, by its import path."""


@functools.cache
def loops(name: str) -> Any | None:
    """Returns a module of compiled loops, or None where numba is not to be had.

    The first call compiles them, if no earlier run has left them on disk, and logs how
    long that took if it was more than a second. `NUMBA_DISABLE_JIT=1` turns them off.

    Args:
        name: the module's import path; it is imported where numba is there.
    """
    if importlib.util.find_spec("numba") is None:
        REFUSED[name] = "numba is not installed: pip install 'velora-lnn[fast]'"
        return None
    start = time.perf_counter()
    try:
        import numba

        if getattr(numba.config, "DISABLE_JIT", False):
            REFUSED[name] = "NUMBA_DISABLE_JIT is set"
            return None
        module = importlib.import_module(name)
    except Exception as error:  # as when numba and NumPy do not fit together
        REFUSED[name] = f"numba cannot compile: {type(error).__name__}: {error}"
        logger.warning(
            "numba cannot compile Velora's loops here, so PyTorch's operators run: %s. "
            "Upgrade numba to a version that fits, or uninstall it.",
            error,
        )
        return None
    _report(name, time.perf_counter() - start, module)
    return module


def _report(name: str, seconds: float, module: Any) -> None:
    """Tells what took more than a second, and whether it will again."""
    from velora.models.lnn.compiled.dialect import NOT_KEPT

    if NOT_KEPT:
        path, error = next(iter(NOT_KEPT.items()))
        folder = Path(path).with_name("__pycache__")
        logger.warning(
            "Compiled %s in %.0f s, for this process alone: numba cannot keep it on "
            "disk, or not read what is there (%s: %s). Set NUMBA_CACHE_DIR to a folder "
            "that can be written, or delete numba's files (*.nbi, *.nbc) there, or in "
            "%s.",
            name,
            seconds,
            type(error).__name__,
            error,
            folder,
        )
    elif seconds > 1 and any(map(_was_compiled, vars(module).values())):
        logger.warning(
            "Compiled %s for this machine in %.0f s; later runs find it on disk.",
            name,
            seconds,
        )


def _was_compiled(function: Any) -> bool:
    """Whether this is a function that numba has compiled and not found on disk."""
    return bool(getattr(getattr(function, "stats", None), "cache_misses", None))
