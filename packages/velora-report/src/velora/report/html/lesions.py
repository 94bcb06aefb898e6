"""The part of the page about lesions, and how well influence predicts them."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np
from gymnasium import spaces

from velora.report.acting import Acting
from velora.report.html.tables import lesion_table
from velora.report.html.words import Names
from velora.report.influence import influence, rank_correlation
from velora.report.lesions import Lesions
from velora.report.trace import Trace


def lesions_html(acting: Acting, trace: Trace, found: Lesions, names: Names) -> str:
    """Returns the lesions as a table, and how well influence predicts them.

    Args:
        acting: the network that acts.
        trace: of it, from which influence is computed.
        found: its lesions.
        names: of neurons, by layer.

    Raises:
        ValueError: they are those of another network.
    """
    said = influence(acting.policy, trace)
    motors = _deciding(acting.policy.action_space)
    correlation = rank_correlation(said, found, motors=motors)
    return (
        _note(_about(len(found.intact)))
        + _note(_about_influence(correlation))
        + lesion_table(found, names)
    )


def _deciding(space: spaces.Space[Any]) -> list[int] | None:
    """Returns the motor neurons that make the action: no log deviations of a box."""
    if isinstance(space, spaces.Box):
        return list(range(int(np.prod(space.shape))))
    return None


def _about(n_episodes: int) -> str:
    words = (
        f"How much the mean return over the same {n_episodes} episodes changes when a "
        "neuron is silent. "
    )
    if n_episodes > 1:
        return words + (
            "Lines are 95 % bootstrap intervals, each by itself: of a hundred neurons "
            "that do nothing some will look as if they did."
        )
    return words + "One episode has no interval; play more of them."


def _about_influence(correlation: float) -> str:
    words = "Influence, which is activity times gradient along the episode shown, "
    if math.isnan(correlation):
        return words + "has nothing to predict here: all lesions do the same."
    correlation = round(correlation, 2)
    verdict = "predicts these lesions"
    if correlation < 0.3:
        verdict = "does not predict these lesions"
    elif correlation < 0.7:
        verdict = "predicts these lesions in part"
    shown = f"{correlation:.2f}".replace("-", "−")
    return f"{words}{verdict}: the rank correlation of both in size is {shown}."


def _note(words: str) -> str:
    return f'<p class="note">{escape(words)}</p>'
