"""Synapse masks: one signed mask a layer says who is connected to whom."""

from __future__ import annotations

from dataclasses import dataclass

from velora.wiring.layers import Layers


@dataclass(frozen=True, eq=False, repr=False)
class LayerMasks(Layers):
    """Synapses of the layers as int32 tensors of shape (from, to).

    An entry is -1 for an inhibitory synapse, 1 for an excitatory one and 0 for
    none. Two instances are equal when all their masks are.

    Attributes:
        inter: (sensory, inter) synapses.
        command: (inter, command) synapses.
        motor: (command, motor) synapses.
        recurrent: (command, command) synapses; None where there are none.
    """
