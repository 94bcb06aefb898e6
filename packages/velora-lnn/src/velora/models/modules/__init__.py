"""Recurrent modules called as PyTorch's own are: sequences, states, lengths, times."""

from velora.models.modules.base import RecurrentModule
from velora.models.modules.cfc import CfC
from velora.models.modules.ltc import LTC
from velora.models.modules.of_ncps import from_ncps

__all__ = ["LTC", "CfC", "RecurrentModule", "from_ncps"]
