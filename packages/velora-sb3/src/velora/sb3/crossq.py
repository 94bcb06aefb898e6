"""Policies for sb3-contrib's CrossQ."""

from collections.abc import Callable
from functools import partial

from torch import nn

from velora.sb3.common.actor_q_critic import GaussianActorNetworks
from velora.sb3.common.contrib import BatchRenorm1d, CrossQ, CrossQPolicy


class BatchNormalisedPolicy(GaussianActorNetworks, CrossQPolicy):
    """Before every layer stands CrossQ's batch renormalisation.

    A plugin's network whose builder takes no `norm` gets one before its inputs.
    """

    def _norm(self) -> Callable[[int], nn.Module] | None:
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
