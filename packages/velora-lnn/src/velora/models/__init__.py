"""Sparse and liquid neural networks that obey a wiring."""

from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.storage import load_network, save_network

__version__ = "0.1.0"

__all__ = ["LiquidNCPNetwork", "NCPNetwork", "load_network", "save_network"]
