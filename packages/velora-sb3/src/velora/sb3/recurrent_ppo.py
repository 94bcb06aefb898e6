"""Policies for sb3-contrib's RecurrentPPO."""

from velora.sb3.common.contrib import RecurrentPPO
from velora.sb3.recurrent.policies import RecurrentNetworks


class LiquidPolicy(RecurrentNetworks):
    """Liquid actor and critic with memory and NCP wirings; see `RecurrentNetworks`."""

    default_network = "liquid"


RecurrentPPO.policy_aliases.update(LiquidPolicy=LiquidPolicy)
