"""How loops are compiled.

The dialect is numba's: flat loops over arrays, which it turns into vector instructions.
No flag lets the compiler assume that numbers are finite, so infinities and NaNs stay
what they are. When numba finds a result on disk, it looks for changes in its own file
alone: after a change here, in `elementary` or in `products`, which loops elsewhere are
made of, delete numba's files in their `__pycache__`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_OPTIONS: Any = {
    # All of fastmath but that there are no NaNs and infinities.
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
    "error_model": "numpy",  # a check for division by zero would forbid vectors
}


NOT_KEPT: dict[str, BaseException] = {}
"""Why what is compiled is not kept on disk, by the path of its source."""


def compiled(signature: str) -> Callable[[Any], Any]:
    """Compiles at once, and keeps the result on disk where there is a place.

    Where there is none, or where what is found there is damaged, it compiles for this
    process alone, and the cause is in `NOT_KEPT`.
    """

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(signature, cache=True, **_OPTIONS)(function)
        except Exception as error:  # whatever reading a damaged file can raise
            made = numba.njit(signature, **_OPTIONS)(function)
            NOT_KEPT[function.__code__.co_filename] = error
            return made

    return decorate


def inlined(function: Any) -> Any:
    """Marks what becomes part of the compiled function that calls it."""
    return numba.njit(inline="always")(function)
