"""What is told of a file that was written."""

from __future__ import annotations

from typing import NamedTuple


class Exported(NamedTuple):
    """What was written.

    Attributes:
        n_bytes: size of the file.
        difference: the largest between actions or states of the file and of the model,
            absolute where those are below 1 and relative above.
        n_steps: that were compared.
    """

    n_bytes: int
    difference: float
    n_steps: int
