"""The public path of the closed-form continuous-time (CfC) cell."""

from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.cfc.cell import share_mask as _share_mask  # in older pickles

__all__ = ["NCPLiquidCell", "_share_mask"]
