"""The order of neurons from top to bottom, in which few lines cross."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from velora.wiring.influence import ENDS, FEED_FORWARD, KINDS, Array, Arrays

Chosen = dict[str, npt.NDArray[np.bool_]]  # (from, to) by layer
Order = dict[str, npt.NDArray[np.intp]]  # neurons from top to bottom, by kind
_FREE = ("inter", "command")  # sensory and motor neurons keep their order
# How much neurons hold on to their influence: less, as long as more crossings are left
# than this share of those by index.
_HOLDS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
_ENOUGH = 0.85
_SWEEPS = 20


def by_index(drawn: Chosen) -> Order:
    """Returns the order in which neurons have their numbers."""
    sizes = {ENDS[name][0]: len(drawn[name]) for name in FEED_FORWARD}
    sizes["motor"] = drawn["motor"].shape[1]
    return {kind: np.arange(sizes[kind]) for kind in KINDS}


def ordered(drawn: Chosen, influence: Arrays | None = None) -> Order:
    """Returns an order by influence in which fewer lines cross than by index.

    Sensory and motor neurons keep their order. Of those between, one stands the higher
    the more it pushes the upper motor neurons up and the lower ones down. By that alone
    as many lines cross as by index; so each is also drawn to the mean height of those
    that it is joined with, no more than leaves 85 % of the crossings. Source of these
    means: Sugiyama, Tagawa and Toda 1981, "Methods for visual understanding of
    hierarchical system structures".

    Args:
        drawn: (from, to) by layer, true where there is a line.
        influence: (neurons, motor) influences by kind; where there are none, crossings
            alone decide.
    """
    best = start = by_index(drawn)
    index = crossings(drawn, start)
    fewest = index + 1  # what crosses as often is better ordered, too
    if influence is not None:
        start = start | {
            kind: np.argsort(-_push(influence[kind]), kind="stable") for kind in _FREE
        }
    for hold in _HOLDS if influence is not None else _HOLDS[-1:]:
        for order in _swept(drawn, start, hold):
            if (count := crossings(drawn, order)) < fewest:
                best, fewest = order, count
        if fewest <= _ENOUGH * index:
            break
    return best


def crossings(drawn: Chosen, order: Order) -> int:
    """Returns how often lines between layers cross where neurons stand in an order."""
    total = 0
    for name in FEED_FORWARD:
        start, end = ENDS[name]
        lines = drawn[name][np.ix_(order[start], order[end])]
        # A line from i to j crosses those that start below i and end above j.
        below = lines[::-1].cumsum(axis=0)[::-1][1:].cumsum(axis=1)[:, :-1]
        total += int((lines[:-1, 1:] * below).sum())
    return total


def _push(influence: Array) -> Array:
    """Returns how much neurons push upper motor neurons up and lower ones down."""
    motors = influence.shape[1]
    push: Array = influence @ (np.linspace(1, -1, motors) if motors > 1 else np.ones(1))
    return push


def _swept(drawn: Chosen, order: Order, hold: float) -> Iterator[Order]:
    """Yields orders in which neurons come nearer to those that they are joined with.

    Args:
        drawn: (from, to) by layer, true where there is a line.
        order: where they start.
        hold: how much of their first height they keep, from 0 to 1.
    """
    first = {kind: _heights(order[kind]) for kind in KINDS}
    heights = dict(first)
    for sweep in range(_SWEEPS if hold < 1 else 1):
        for kind in _FREE if sweep % 2 else _FREE[::-1]:
            mean = _mean_heights(drawn, kind, heights)
            wanted = _heights(np.argsort(mean, kind="stable"))
            height = hold * first[kind] + (1 - hold) * wanted
            order = order | {kind: np.argsort(height, kind="stable")}
            heights[kind] = _heights(order[kind])
        yield order


def _mean_heights(drawn: Chosen, kind: str, heights: Arrays) -> Array:
    """Returns the mean height of what each neuron is joined with, or else its own."""
    total, lines = np.zeros_like(heights[kind]), np.zeros_like(heights[kind])
    for name in FEED_FORWARD:
        start, end = ENDS[name]
        if end == kind:
            total += drawn[name].T @ heights[start]
            lines += drawn[name].sum(axis=0)
        elif start == kind:
            total += drawn[name] @ heights[end]
            lines += drawn[name].sum(axis=1)
    return np.where(lines > 0, total / np.maximum(lines, 1), heights[kind])


def _heights(order: npt.NDArray[np.intp]) -> Array:
    """Returns how far down each neuron stands, between 0 and 1."""
    heights = np.empty(len(order))
    heights[order] = (np.arange(len(order)) + 0.5) / len(order)
    return heights
