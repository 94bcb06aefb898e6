"""Layers, cells and networks of the liquid family."""

from velora.models.lnn.cell import NCPLiquidCell
from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.sparse import SparseLinear

__all__ = ["LiquidNCPNetwork", "NCPLiquidCell", "NCPNetwork", "SparseLinear"]
