"""Policies for sb3-contrib's CrossQ."""

from functools import partial
from typing import Any

from gymnasium import spaces

from velora.sb3.common.actor_q_critic import GaussianActorNetworks
from velora.sb3.common.contrib import (
    BatchRenorm1d,
    CrossQ,
    CrossQActor,
    CrossQCritic,
    CrossQPolicy,
)
from velora.sb3.common.parts import GaussianActor, Norm, QCritics


class Actor(GaussianActor, CrossQActor):
    """The actor of a policy, as its `save` writes it."""


class Critic(QCritics, CrossQCritic):
    """The critics of a policy, as their `save` writes them."""


class BatchNormalisedPolicy(GaussianActorNetworks, CrossQPolicy):
    """Before every layer stands CrossQ's batch renormalisation.

    A plugin's network whose builder takes no `norm` gets one before its inputs.

    Raises:
        ValueError: the observations are a Dict, which CrossQ cannot learn from.
    """

    def __init__(self, observation_space: spaces.Space[Any], *args: Any, **kwargs: Any):
        if isinstance(observation_space, spaces.Dict):
            raise ValueError(
                "CrossQ takes no Dict observations, as it puts two batches of them "
                f"together; got {observation_space}. Wrap the environment in "
                "gymnasium's FlattenObservation, or choose SAC or TQC."
            )
        super().__init__(observation_space, *args, **kwargs)

    actor_class = Actor
    critic_class = Critic

    def _norm(self) -> Norm | None:
        options = self.batch_norm_params
        if not options["batch_norm"]:
            return None
        return partial(
            BatchRenorm1d,
            momentum=options["batch_norm_momentum"],
            eps=options["batch_norm_eps"],
            warmup_steps=int(options["renorm_warmup_steps"]),
        )


class NCPPolicy(BatchNormalisedPolicy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(BatchNormalisedPolicy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


CrossQ.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
