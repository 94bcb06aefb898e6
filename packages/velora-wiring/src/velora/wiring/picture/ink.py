"""Colours, and the way to matplotlib, which is imported on use alone."""

from __future__ import annotations

import importlib
from typing import Any

# Blue and vermilion of Okabe and Ito: told apart by every kind of colour vision.
EXCITATORY, INHIBITORY = "#0072B2", "#D55E00"
INK, PALE, FAINT, BAND = "#333333", "#777777", "#BBBBBB", "#EEEEEE"


def matplotlib(module: str) -> Any:
    """Imports a module of matplotlib, on use alone.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise ImportError(
            "Drawing a wiring needs matplotlib, which is not installed: "
            "pip install 'velora-wiring[draw]'"
        ) from error
