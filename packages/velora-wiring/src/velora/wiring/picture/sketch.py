"""Where everything of a picture stands and how large it is, before it is painted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from velora.wiring.influence import (
    ENDS,
    FEED_FORWARD,
    KINDS,
    Array,
    Arrays,
    influence_of,
    size_of,
    strengths_of,
)
from velora.wiring.picture.order import Chosen, ordered
from velora.wiring.picture.selection import Selection

# Axes coordinates: a column of neurons is from -0.5 to 0.5 high.
COLUMNS = {"sensory": 0.0, "inter": 1.0, "command": 2.15, "motor": 3.15}
X_RANGE, Y_RANGE = (-0.45, 3.6), (-0.72, 0.6)
_GAP = 0.18  # between neurons of a column that has room
_SMALLEST, _LARGEST, _PLAIN = 3.5, 11.0, 9.5  # diameters in points
_DOTS = 0.2  # the share of a column that neurons without lines may fill


@dataclass(frozen=True)
class Page:
    """The room that a picture has.

    Attributes:
        width: of the axes, in points.
        height: of the axes, in points.
    """

    width: float
    height: float

    @property
    def scale(self) -> float:
        """What sizes in points are multiplied with: 1 on a page of 9 x 6 inches."""
        return math.sqrt(min(self.width / 648, self.height / 432))

    @property
    def unit(self) -> tuple[float, float]:
        """Points in a unit of x and of y, but for what titles take."""
        across, up = X_RANGE[1] - X_RANGE[0], Y_RANGE[1] - Y_RANGE[0]
        return 0.97 * self.width / across, 0.87 * self.height / up


@dataclass(frozen=True)
class Sketch:
    """A picture that is ready to be painted.

    Attributes:
        page: the room that it has.
        selection: the synapses that are drawn.
        weighted: whether effects are more than signs.
        effects: (from, to) by layer.
        strengths: what each synapse weighs, (from, to) by layer.
        places: (neurons, 2) axes coordinates by kind.
        diameters: (neurons,) points by kind.
    """

    page: Page
    selection: Selection
    weighted: bool
    effects: Arrays
    strengths: Arrays
    places: Arrays
    diameters: Arrays

    @property
    def is_banded(self) -> bool:
        """Whether a band stands for the recurrence, as signs of all do not show."""
        signs = self.effects.get("recurrent")
        if self.weighted or signs is None or len(signs) == 1:
            return False
        return bool(signs.all())


def sketch(
    effects: Arrays, selection: Selection, *, weighted: bool, page: Page
) -> Sketch:
    """Places the neurons.

    Args:
        effects: (from, to) effects by layer.
        selection: the synapses that are drawn.
        weighted: whether effects are more than signs: then neurons stand in the order
            of their influence and have its size.
        page: the room that there is.
    """
    influence = influence_of(effects)
    order = ordered(selection.drawn, influence if weighted else None)
    places, diameters = {}, {}
    for kind in KINDS:
        size = size_of(influence[kind])
        share = size / (size.max() or 1.0) if weighted else None
        diameters[kind] = _diameters(share, joined(selection.drawn, kind), page)
        height = np.empty(len(size))
        height[order[kind]] = _heights(diameters[kind][order[kind]])
        places[kind] = np.stack((np.full(len(size), COLUMNS[kind]), height), axis=1)
    return Sketch(
        page=page,
        selection=selection,
        weighted=weighted,
        effects=effects,
        strengths=strengths_of(effects, influence),
        places=places,
        diameters=diameters,
    )


def joined(chosen: Chosen, kind: str) -> npt.NDArray[np.bool_]:
    """Returns which neurons of a kind have one of the chosen lines."""
    found = [
        chosen[name].any(axis=1 - side)
        for name in FEED_FORWARD
        for side in (0, 1)
        if ENDS[name][side] == kind
    ]
    any_: npt.NDArray[np.bool_] = np.logical_or.reduce(found)
    return any_


def _diameters(
    share: Array | None, is_joined: npt.NDArray[np.bool_], page: Page
) -> Array:
    """Returns diameters in points, so that a column has room for all its neurons."""
    room = page.unit[1]
    alone = int(np.count_nonzero(~is_joined))
    dot = min(_SMALLEST * page.scale, _DOTS * room / max(alone, 1))
    if share is None:
        full = np.full(len(is_joined), _PLAIN)
    else:
        full = _SMALLEST + (_LARGEST - _SMALLEST) * share**0.5
    full = full * page.scale
    room = 0.93 * room - alone * dot
    return np.where(
        is_joined, full * min(1.0, room / max(full[is_joined].sum(), 1)), dot
    )


def _heights(diameters: Array) -> Array:
    """Returns the y of neurons from top to bottom, apart as they are large."""
    count = len(diameters)
    if _GAP * (count - 1) <= 1:
        down = np.arange(count) * _GAP
    else:
        slots = diameters + 0.1 * np.where(diameters > 1, diameters.mean(), 0)
        down = slots.cumsum() - slots / 2
        down = (down - down[0]) / (down[-1] - down[0])
    heights: Array = down[-1] / 2 - down
    return heights
