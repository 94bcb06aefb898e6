"""Neural Circuit Policy wirings: counts, masks, drawing."""

from velora.wiring.counts import NeuronCounts, SynapseCounts
from velora.wiring.drawing import draw
from velora.wiring.masks import LayerMasks
from velora.wiring.wiring import Wiring

__all__ = ["LayerMasks", "NeuronCounts", "SynapseCounts", "Wiring", "draw"]
