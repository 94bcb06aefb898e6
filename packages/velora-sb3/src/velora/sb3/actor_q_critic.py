"""Old path of `velora.sb3.common.actor_q_critic`, for saved files and subclasses."""

from velora.sb3.common.actor_q_critic import (
    ActorQCriticNetworks,
    Columns,
    DeterministicActorNetworks,
    GaussianActorNetworks,
)

__all__ = [
    "ActorQCriticNetworks",
    "Columns",
    "DeterministicActorNetworks",
    "GaussianActorNetworks",
]
