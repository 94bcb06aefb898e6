"""Layers, cells and networks of the liquid family."""

from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.cfc.network import LiquidNCPNetwork
from velora.models.lnn.cfc_modes.cell import (
    CfCCell,
    DefaultCfCCell,
    NoGateCfCCell,
    PureCfCCell,
)
from velora.models.lnn.cfc_modes.layers import CfCLayersNetwork
from velora.models.lnn.cfc_modes.mixed_memory import MixedMemory
from velora.models.lnn.cfc_modes.network import CfCNetwork
from velora.models.lnn.gated_leaky.cell import GatedLeakyCell
from velora.models.lnn.gated_leaky.network import GatedLeakyNCPNetwork
from velora.models.lnn.ltc.cell import LTCCell
from velora.models.lnn.ltc.network import LTCNetwork
from velora.models.lnn.ltc.unlayered import UnlayeredLTCNetwork
from velora.models.lnn.ncp import NCPNetwork
from velora.models.lnn.sparse import SparseLinear

__all__ = [
    "CfCCell",
    "CfCLayersNetwork",
    "CfCNetwork",
    "DefaultCfCCell",
    "GatedLeakyCell",
    "GatedLeakyNCPNetwork",
    "LTCCell",
    "LTCNetwork",
    "LiquidNCPNetwork",
    "MixedMemory",
    "NCPLiquidCell",
    "NCPNetwork",
    "NoGateCfCCell",
    "PureCfCCell",
    "SparseLinear",
    "UnlayeredLTCNetwork",
]
