"""How many neurons and synapses a wiring has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NeuronCounts:
    """Neurons of each kind.

    Attributes:
        sensory: input neurons, one per input feature.
        inter: decision neurons that listen to the sensory ones.
        command: decision neurons that listen to the inter ones.
        motor: output neurons, one per output feature.
    """

    sensory: int
    inter: int
    command: int
    motor: int


@dataclass(frozen=True)
class SynapseCounts:
    """Synapses that the NCP rule gives to a neuron of each kind.

    Attributes:
        sensory: inter neurons that each sensory neuron reaches.
        inter: command neurons that each inter neuron reaches.
        command: recurrent synapses among all command neurons together.
        motor: command neurons that reach each motor neuron.
    """

    sensory: int
    inter: int
    command: int
    motor: int
