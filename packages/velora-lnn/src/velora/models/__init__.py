"""Sparse and liquid neural networks that obey a wiring."""

from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork

__all__ = ["LiquidNCPNetwork", "NCPNetwork"]
