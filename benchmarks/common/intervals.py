"""What a few seeds can say: differences and interquartile means, with intervals.

Intervals are the percentile bootstrap's, at 95 %, the same each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
TAILS = (2.5, 97.5)  # per cent
TOLERANCE = 0.02  # of the other's mean, where its seeds all say the same

Scores = Sequence[float]


class Estimate(NamedTuple):
    """A value, and the interval that it may lie in."""

    value: float
    low: float
    high: float


def difference(ours: Scores, theirs: Scores) -> Estimate:
    """Returns how much higher our mean is, each side's seeds drawn anew."""
    rng = np.random.default_rng(0)
    drawn = _redrawn(ours, rng).mean(-1) - _redrawn(theirs, rng).mean(-1)
    low, high = np.percentile(drawn, TAILS)
    return Estimate(float(np.mean(ours) - np.mean(theirs)), float(low), float(high))


def is_as_good(ours: Scores, theirs: Scores) -> bool:
    """Whether the interval of the difference reaches zero.

    Where all their scores are one, as 500 of 500, within 2 % is as good, too.
    """
    found, mean = difference(ours, theirs), float(np.mean(theirs))
    is_close = np.ptp(theirs) == 0 and found.value >= -TOLERANCE * abs(mean)
    return found.high >= 0 or bool(is_close)


def interquartile_mean(scores: ArrayLike) -> NDArray[np.float64]:
    """Returns the mean of the middle half of the last axis: (..., N) to (...)."""
    ordered = np.sort(scores, -1)
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(-1))


def overall(tasks: Sequence[Scores]) -> Estimate:
    """Returns the interquartile mean of all scores, each task's seeds drawn anew.

    This is the aggregate of Agarwal et al., "Deep Reinforcement Learning at the Edge of
    the Statistical Precipice" (2021), and their stratified bootstrap.
    """
    rng = np.random.default_rng(0)
    drawn = np.concatenate([_redrawn(scores, rng) for scores in tasks], -1)
    low, high = np.percentile(interquartile_mean(drawn), TAILS)
    value = interquartile_mean(np.concatenate(tasks))
    return Estimate(float(value), float(low), float(high))


def _redrawn(scores: Scores, rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns (RESAMPLES, N) scores, drawn with replacement."""
    return rng.choice(np.asarray(scores, float), (RESAMPLES, len(scores)))
