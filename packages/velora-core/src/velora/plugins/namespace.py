"""The namespace package `velora`, which an unrelated distribution can shadow."""

from __future__ import annotations

import sys

from velora.plugins.distribution import OURS


def refuse_shadow() -> None:
    """Refuses to go on where a regular package `velora` hides our namespace.

    Raises:
        ImportError: It does; the message says what to uninstall and to reinstall.
    """
    if getattr(sys.modules["velora"], "__file__", None) is not None:
        raise ImportError(
            "The unrelated distribution `velora` from PyPI is installed beside the "
            "velora-* packages, and its regular package `velora` shadows their "
            "namespace. Fix: pip uninstall velora, then reinstall what it overwrote: "
            f"pip install --force-reinstall --no-deps {' '.join(OURS)}"
        )
