"""Policies for sb3-contrib's RecurrentPPO: one, as a sparse network has no state."""

from typing import Any

from velora.sb3.common.contrib import RecurrentActorCriticPolicy, RecurrentPPO
from velora.sb3.recurrent.policies import RecurrentNetworks


class LiquidPolicy(RecurrentNetworks):
    """Liquid actor and critic with memory and NCP wirings; see `RecurrentNetworks`."""

    default_network = "liquid"


class NoMemory(RecurrentActorCriticPolicy):
    """Stands for "NCPPolicy", which other algorithms know.

    Raises:
        ValueError: always.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ValueError(
            "RecurrentPPO needs a policy that carries a state, and NCPPolicy has none. "
            'Pass "LiquidPolicy" here, or "NCPPolicy" to PPO.'
        )


RecurrentPPO.policy_aliases.update(LiquidPolicy=LiquidPolicy, NCPPolicy=NoMemory)
