"""Neurons held at a constant: what a network does without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from velora.models.lnn.taps import LAYERS, STATE, tapped
from velora.models.lnn.wired import WiredNetwork
from velora.report.acting import Model, acting_of
from velora.report.trace import Trace

Neuron = tuple[str, int]
"""A neuron by its layer and its number there, from 0: ("inter", 3)."""


@contextmanager
def lesioned(
    model: Model, neurons: Iterable[Neuron], *, means: Trace | None = None
) -> Iterator[None]:
    """Silences neurons of the network that acts, as long as the context lasts.

        with lesioned(model, [("inter", 3)]):
            model.predict(observation)

    What their outgoing synapses read is a constant; no weight is touched, and nothing
    of it is left at the end, an error included. Of a command neuron with a memory its
    own state is silenced, too. Over a window it is silent at every step.

    Args:
        model: as in `velora.report.trace`.
        neurons: sensory, inter and command neurons.
        means: a trace of the model, at whose means they are held; None for zero.

    Raises:
        TypeError: the network has no neurons of ours, or a neuron is none.
        ValueError: it has no such neuron, or `means` is of another network.
    """
    network = acting_of(model).wired
    silent = silent_neurons(network, neurons)
    constants = _constants(network, means)

    def tap(name: str, x: Tensor) -> Tensor:
        layer = "command" if name == STATE else name
        # Where nothing is silent the numbers stay as they are, bit for bit.
        mask = silent[layer].to(x.device)
        return torch.where(mask, constants[name].to(x), x)

    with tapped(network, tap):
        yield


def silent_neurons(
    network: WiredNetwork, neurons: Iterable[Neuron]
) -> dict[str, Tensor]:
    """Returns which neurons of each layer are meant, (n,) booleans; checks them.

    Raises:
        TypeError: one is no neuron.
        ValueError: the network has no such neuron.
    """
    sizes = sizes_of(network)
    silent = {name: torch.zeros(size, dtype=torch.bool) for name, size in sizes.items()}
    for neuron in neurons:
        if (
            not isinstance(neuron, tuple)
            or len(neuron) != 2
            or not isinstance(neuron[1], Integral)
            or isinstance(neuron[1], bool)
        ):
            raise TypeError(
                "A neuron must be its layer and its number there, as "
                f'("inter", 3); got {neuron!r:.100}.'
            )
        layer, index = neuron
        if layer not in sizes:
            raise ValueError(
                f"A neuron's layer must be one of {list(sizes)}; got {layer!r:.100}."
            )
        if not 0 <= index < sizes[layer]:
            raise ValueError(
                f"The network has {sizes[layer]} {layer} neurons, from 0 on; got "
                f"number {index}."
            )
        silent[layer][index] = True
    return silent


def sizes_of(network: WiredNetwork) -> dict[str, int]:
    """Returns how many neurons each layer with outgoing synapses has."""
    return {layer: getattr(network.counts, layer) for layer in LAYERS}


def check_trace(network: WiredNetwork, trace: Trace) -> None:
    """Refuses a trace of another network: TypeError, ValueError."""
    if not isinstance(trace, Trace):
        raise TypeError(
            f"A trace must be one of velora.report.trace; got {type(trace).__name__}."
        )
    sizes = sizes_of(network) | {"motor": network.counts.motor}
    got = {layer: array.shape[1] for layer, array in trace.neurons.items()}
    if got != sizes:
        raise ValueError(
            f"The trace must be of the network that acts, whose neurons are {sizes}; "
            f"got one of {got}. Trace this model."
        )


def _constants(network: WiredNetwork, means: Trace | None) -> Mapping[str, Tensor]:
    if means is None:
        return dict.fromkeys((*LAYERS, STATE), torch.zeros(()))
    check_trace(network, means)
    found: dict[str, np.ndarray] = {layer: means.neurons[layer] for layer in LAYERS}
    if means.states:
        found[STATE] = means.states[0]
    return {name: torch.from_numpy(rows.mean(axis=0)) for name, rows in found.items()}
