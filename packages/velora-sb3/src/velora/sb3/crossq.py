"""Policies for sb3-contrib's CrossQ."""

from functools import partial

from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from velora.sb3.actor_q_critic import GaussianActorNetworks
from velora.sb3.body import NetworkBody
from velora.sb3.contrib import BatchRenorm1d, CrossQ, CrossQPolicy


class BatchNormalisedPolicy(GaussianActorNetworks, CrossQPolicy):
    """Before every layer stands CrossQ's batch renormalisation.

    A plugin's network whose builder takes no `norm` gets one before its inputs.
    """

    def _body(
        self,
        role: str,
        inputs: BaseFeaturesExtractor,
        out_features: int,
        n_actions: int = 0,
    ) -> NetworkBody:
        options = self.batch_norm_params
        norm = partial(
            BatchRenorm1d,
            momentum=options["batch_norm_momentum"],
            eps=options["batch_norm_eps"],
            warmup_steps=int(options["renorm_warmup_steps"]),
        )
        return self.choice.body(
            role,
            inputs,
            out_features,
            n_actions=n_actions,
            norm=norm if options["batch_norm"] else None,
        )


class NCPPolicy(BatchNormalisedPolicy):
    """Sparse actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "ncp"


class LiquidPolicy(BatchNormalisedPolicy):
    """Liquid actor and critics with NCP wirings; see `NetworkPolicy`."""

    default_network = "liquid"


CrossQ.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
