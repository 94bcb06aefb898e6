"""Recurrent modules called as PyTorch's own are: sequences, states, lengths, times."""

from velora.models.modules.base import RecurrentModule
from velora.models.modules.cfc import CfC
from velora.models.modules.from_ncps import from_ncps
from velora.models.modules.ltc import LTC

__all__ = ["LTC", "CfC", "RecurrentModule", "from_ncps"]
