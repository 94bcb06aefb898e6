"""Sparse and liquid neural networks that obey a wiring."""

from velora.models.lnn.gated_leaky.network import GatedLeakyNCPNetwork
from velora.models.lnn.ltc.network import LTCNetwork
from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.modules import LTC
from velora.models.storage import load_network, save_network

__version__ = "0.1.0"

__all__ = [
    "LTC",
    "GatedLeakyNCPNetwork",
    "LTCNetwork",
    "LiquidNCPNetwork",
    "NCPNetwork",
    "load_network",
    "save_network",
]
