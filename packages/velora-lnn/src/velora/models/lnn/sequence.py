"""What accompanies a sequence: resets and timespans, checked before use."""

from __future__ import annotations

from numbers import Real

from torch import Tensor

from velora.models.lnn.cell import Timespans


def sequence_timespans(timespans: Timespans, steps: int, batch: int) -> Timespans:
    """Checks the timespans of a sequence.

    Args:
        timespans: a number, (T,), (T, B) or (T, B, 1); None where none are given.
        steps: T.
        batch: B.

    Returns:
        None, a number, or a tensor of shape (), (T,) or (T, B, 1).

    Raises:
        ValueError: any other shape, even one that would broadcast.
    """
    if timespans is None or isinstance(timespans, Real):
        return timespans
    if isinstance(timespans, Tensor):
        if tuple(timespans.shape) in ((), (steps,)):
            return timespans
        if tuple(timespans.shape) in ((steps, batch), (steps, batch, 1)):
            return timespans.reshape(steps, batch, 1)
    got = tuple(timespans.shape) if isinstance(timespans, Tensor) else repr(timespans)
    raise ValueError(
        "`timespans` must be a number, or of shape (T,), (T, B) or (T, B, 1) with "
        f"(T, B) = ({steps}, {batch}); got {got}."
    )


def sequence_resets(resets: Tensor | None, steps: int, batch: int) -> Tensor | None:
    """Checks the resets of a sequence and gives them as booleans.

    Args:
        resets: (T, B), true where the state is zero before that step; or None.
        steps: T.
        batch: B.

    Raises:
        ValueError: another shape.
    """
    if resets is None:
        return None
    if not isinstance(resets, Tensor) or tuple(resets.shape) != (steps, batch):
        got = tuple(resets.shape) if isinstance(resets, Tensor) else repr(resets)
        raise ValueError(
            f"`resets` must be a tensor of shape (T, B) = ({steps}, {batch}); got "
            f"{got}."
        )
    return resets.bool()
