"""Old path of `velora.sb3.common.actor_critic`, for saved files and subclasses."""

from velora.sb3.common.actor_critic import (
    ActorCriticNetworks,
    LiquidActorCriticPolicy,
    NCPActorCriticPolicy,
)

__all__ = ["ActorCriticNetworks", "LiquidActorCriticPolicy", "NCPActorCriticPolicy"]
