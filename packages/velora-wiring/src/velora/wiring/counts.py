"""Counts of neurons and synapses: how many a wiring has."""

from __future__ import annotations

from dataclasses import dataclass

from velora.utils import check_memory
from velora.wiring.arguments import count


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


def layer_sizes(in_features: int, n_neurons: int, out_features: int) -> NeuronCounts:
    """Divides decision neurons: 40 % command, at least one, the rest inter.

    Raises:
        TypeError: a count is no integer.
        ValueError: a count is below 1, or `n_neurons` below 2, or the masks of so many
            neurons cannot fit in memory.
    """
    sensory = count("in_features", in_features)
    decision = count("n_neurons", n_neurons, least=2)
    command = max(2 * decision // 5, 1)
    motor = count("out_features", out_features)
    inter = decision - command
    entries = sensory * inter + inter * command + command * (motor + command)
    check_memory(
        4 * entries,  # of int32
        "The masks of a wiring of (in_features, n_neurons, out_features) neurons",
    )
    return NeuronCounts(sensory, inter, command, motor)
