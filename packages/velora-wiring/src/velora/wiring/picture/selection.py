"""Which synapses a picture shows, and what its caption says of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from velora.wiring.influence import (
    FEED_FORWARD,
    Array,
    Arrays,
    influence_of,
    strengths_of,
    strongest,
    strongest_paths,
)
from velora.wiring.picture.order import Chosen

# What an eye can follow: lines between two layers, and recurrent arcs.
LINES, ARCS = 80, 12
# Inter and command neurons above which the strongest paths stand for the whole.
MANY = 100


@dataclass(frozen=True)
class Selection:
    """What is drawn of a network.

    Attributes:
        drawn: the synapses that have a line or an arc.
        lit: those between layers in full colour, the rest being pale; None where all
            are.
        words: the sentences of the caption.
    """

    drawn: Chosen
    lit: Chosen | None
    words: tuple[str, ...]


def select(
    effects: Arrays,
    *,
    weighted: bool,
    top: float | None,
    highlight: int | None,
    highlighted: str,
) -> Selection:
    """Chooses what is drawn.

    Args:
        effects: (from, to) effects by layer.
        weighted: whether they are more than signs.
        top: a share (a float) or a number (an int) of the synapses between two layers;
            None chooses.
        highlight: the motor neuron whose strongest paths are lit.
        highlighted: what the caption calls it.
    """
    motors = effects["motor"].shape[1]
    paths = _paths_a_motor(motors)
    strengths = strengths_of(effects, influence_of(effects))
    drawn = {name: effect != 0 for name, effect in effects.items()}
    which = "The strongest of each layer"
    if top is None and weighted and sum(effects["command"].shape) > MANY:
        drawn |= _on_paths(effects, range(motors), paths)
        which = f"The {paths} strongest paths to each motor neuron"
    elif top is not None or weighted:
        for name in FEED_FORWARD:
            drawn[name] = _marked(strengths[name], _number(top, drawn[name]))
    lit = None
    if highlight is not None:
        lit = _on_paths(effects, [highlight], paths)
        drawn |= {name: drawn[name] | lit[name] for name in FEED_FORWARD}
    if weighted and "recurrent" in effects:
        seen = drawn["motor"].any(axis=1)
        drawn["recurrent"] = _marked(
            strengths["recurrent"] * np.outer(seen, seen), ARCS
        )
    words = []
    if hidden := _hidden(drawn, effects):
        words.append(f"{which}: {hidden}.")
    if lit is not None:
        words.append(f"In full colour: the {paths} strongest paths to {highlighted}.")
    if weighted:
        words.append(
            "A line is as wide as its effect on the motor neurons, a neuron as large "
            "as its influence on them."
        )
    return Selection(drawn, lit, tuple(words))


def _paths_a_motor(motors: int) -> int:
    """Returns how many paths to each motor neuron an eye can follow."""
    return min(max(72 // motors, 6), 24)


def _number(top: float | None, there: npt.NDArray[np.bool_]) -> int:
    """Returns how many of the synapses of a layer are drawn."""
    if isinstance(top, float):
        return math.ceil(top * np.count_nonzero(there))
    return LINES if top is None else top


def _marked(strength: Array, count: int) -> npt.NDArray[np.bool_]:
    """Returns where the strongest synapses of a layer are."""
    marked = np.zeros(strength.shape, dtype=bool)
    marked[strongest(strength, count)] = True
    return marked


def _on_paths(effects: Arrays, motors: Iterable[int], count: int) -> Chosen:
    """Returns the synapses between layers on the strongest paths to motor neurons."""
    chosen = {name: np.zeros(effects[name].shape, bool) for name in FEED_FORWARD}
    for motor in motors:
        sensory, inter, command = strongest_paths(effects, motor, count).T
        chosen["inter"][sensory, inter] = True
        chosen["command"][inter, command] = True
        chosen["motor"][command, motor] = True
    return chosen


def _hidden(drawn: Chosen, effects: Arrays) -> str:
    """Says how many synapses are drawn of how many; nothing where all are."""
    shown, there = (
        {name: int(np.count_nonzero(layer)) for name, layer in layers.items()}
        for layers in (drawn, effects)
    )
    recurrent = shown.pop("recurrent", 0), there.pop("recurrent", 0)
    between = sum(shown.values()), sum(there.values())
    return ", and ".join(
        f"{some:,} of {all_:,} {kind}synapses"
        for kind, (some, all_) in (("", between), ("recurrent ", recurrent))
        if some < all_
    )
