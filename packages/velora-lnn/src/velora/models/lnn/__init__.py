"""Layers, cells and networks of the liquid family."""

from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.cfc.network import LiquidNCPNetwork
from velora.models.lnn.ncp import NCPNetwork
from velora.models.lnn.sparse import SparseLinear

__all__ = ["LiquidNCPNetwork", "NCPLiquidCell", "NCPNetwork", "SparseLinear"]
