"""Synapse effects: how strongly each synapse acts, and in which direction."""

from __future__ import annotations

from dataclasses import dataclass

from velora.wiring.layers import Layers


@dataclass(frozen=True, eq=False, repr=False)
class LayerEffects(Layers):
    """What each synapse does to the neuron that it leads to, as floats (from, to).

    Positive numbers excite, negative ones inhibit, 0 is none. In a linear network they
    are its weights; the `effects` of a network of velora-lnn are those near rest. Two
    instances are equal when all their numbers are.

    Attributes:
        inter: (sensory, inter) effects.
        command: (inter, command) effects.
        motor: (command, motor) effects.
        recurrent: (command, command) effects on the next step; None where nothing
            recurs.
    """
