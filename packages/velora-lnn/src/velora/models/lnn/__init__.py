"""Layers, cells and networks of the liquid family."""

from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.cfc.network import LiquidNCPNetwork
from velora.models.lnn.gated_leaky.cell import GatedLeakyCell
from velora.models.lnn.gated_leaky.network import GatedLeakyNCPNetwork
from velora.models.lnn.ltc.cell import LTCCell
from velora.models.lnn.ltc.network import LTCNetwork
from velora.models.lnn.ncp import NCPNetwork
from velora.models.lnn.sparse import SparseLinear

__all__ = [
    "GatedLeakyCell",
    "GatedLeakyNCPNetwork",
    "LTCCell",
    "LTCNetwork",
    "LiquidNCPNetwork",
    "NCPLiquidCell",
    "NCPNetwork",
    "SparseLinear",
]
