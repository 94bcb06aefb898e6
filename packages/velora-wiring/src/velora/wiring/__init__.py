"""Who is connected to whom: counts, masks, rules that sample them, pictures."""

from velora.wiring.connectome import Connectome
from velora.wiring.counts import NeuronCounts, SynapseCounts
from velora.wiring.dense import dense
from velora.wiring.drawing import draw
from velora.wiring.effects import LayerEffects
from velora.wiring.graph import graph
from velora.wiring.masks import LayerMasks
from velora.wiring.random_graph import random
from velora.wiring.small_world import small_world
from velora.wiring.unlayered import Unlayered
from velora.wiring.wiring import Wiring

__version__ = "0.1.0"

__all__ = [
    "Connectome",
    "LayerEffects",
    "LayerMasks",
    "NeuronCounts",
    "SynapseCounts",
    "Unlayered",
    "Wiring",
    "dense",
    "draw",
    "graph",
    "random",
    "small_world",
]
