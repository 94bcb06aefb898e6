"""A wiring as a graph of networkx, for whoever asks questions of graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from velora.wiring.connectome import Connectome
from velora.wiring.unlayered import Unlayered

if TYPE_CHECKING:
    import networkx

    Neuron = tuple[str, int]


def graph(wiring: Connectome | Unlayered) -> networkx.DiGraph[Neuron]:
    """Returns who is connected to whom as a directed graph.

    Args:
        wiring: any wiring. Of a network, pass `network.wiring`.

    Returns:
        A graph whose nodes are (kind, index), such as `("command", 3)`, and have both
        as attributes: kinds are sensory, inter, command and motor, as far as there are
        any. In an `Unlayered` one, outputs are motor, the other units inter neurons,
        and indices those among all units. An edge is a synapse, from whom it comes to
        whom it leads, with its `polarity`, 1 (excites) or -1 (inhibits).

    Raises:
        TypeError: it is no wiring.
    """
    import networkx  # on use: importing it takes longer than all of velora.wiring

    if isinstance(wiring, Connectome):
        layers = _layers(wiring)
    elif isinstance(wiring, Unlayered):
        layers = _pairs(wiring)
    else:
        raise TypeError(
            "`wiring` must be a Wiring, a Connectome or an Unlayered; got "
            f"{type(wiring).__name__}. Of a blueprint, pass `blueprint.build(inputs)`."
        )
    made: networkx.DiGraph[Neuron] = networkx.DiGraph()
    for mask, starts, ends in layers:
        for kind, index in (*starts, *ends):
            made.add_node((kind, index), kind=kind, index=index)
        found = mask.nonzero().tolist()
        for (start, end), polarity in zip(found, mask[mask != 0].tolist(), strict=True):
            made.add_edge(starts[start], ends[end], polarity=polarity)
    return made


def _layers(
    wiring: Connectome,
) -> Iterator[tuple[Tensor, list[Neuron], list[Neuron]]]:
    """Yields each mask with the neurons of its rows, and of its columns."""
    kinds = {
        "inter": ("sensory", "inter"),
        "command": ("inter", "command"),
        "recurrent": ("command", "command"),
        "motor": ("command", "motor"),
    }
    for name, mask in wiring.masks.items():
        starts, ends = (
            [(kind, i) for i in range(size)]
            for kind, size in zip(kinds[name], mask.shape, strict=True)
        )
        yield mask, starts, ends


def _pairs(wiring: Unlayered) -> Iterator[tuple[Tensor, list[Neuron], list[Neuron]]]:
    inputs = [("sensory", i) for i in range(wiring.in_features)]
    units = [
        ("motor" if i < wiring.out_features else "inter", i)
        for i in range(wiring.units)
    ]
    yield wiring.mask, inputs + units, units
