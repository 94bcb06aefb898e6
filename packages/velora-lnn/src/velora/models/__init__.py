"""Sparse and liquid neural networks that obey a wiring."""

from velora.models.lnn.cfc_modes.layers import CfCLayersNetwork
from velora.models.lnn.cfc_modes.mixed_memory import MixedMemory
from velora.models.lnn.cfc_modes.network import CfCNetwork
from velora.models.lnn.gated_leaky.network import GatedLeakyNCPNetwork
from velora.models.lnn.ltc.network import LTCNetwork
from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.modules import LTC, CfC, from_ncps
from velora.models.storage import load_network, save_network

__version__ = "0.1.0"

__all__ = [
    "LTC",
    "CfC",
    "CfCLayersNetwork",
    "CfCNetwork",
    "GatedLeakyNCPNetwork",
    "LTCNetwork",
    "LiquidNCPNetwork",
    "MixedMemory",
    "NCPNetwork",
    "from_ncps",
    "load_network",
    "save_network",
]
