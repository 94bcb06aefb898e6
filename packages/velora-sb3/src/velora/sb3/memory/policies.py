"""Policies over networks that go through whole sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    StateDependentNoiseDistribution,
)
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from velora.sb3.common.algorithm import check_algorithm
from velora.sb3.common.optimizers import make_optimizer, withhold_optimizer
from velora.sb3.memory.acting import ActingPolicy
from velora.sb3.memory.actor_step import live_step
from velora.sb3.memory.categorical import FewOperations
from velora.sb3.memory.masks import as_masks, check_masking
from velora.sb3.memory.sequences import State
from velora.sb3.memory.thinking import ThinkingPolicy
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.state_policy import (
    check_lstm_arguments,
    check_state,
)
from velora.sb3.recurrent.timespans import check_timespan_key

CRITICS = ("separate", "shared", "feed-forward")


class MemoryNetworks(ActingPolicy, ThinkingPolicy):
    """Actor and critic go through sequences, from a state; see `NetworkPolicy`.

    Motor neurons are the logits or means of the actions, and the value. `predict` takes
    and returns the actor's state, a tuple of arrays with the environments first. The
    noise of gSDE is a function of that state; of the features, for a network that does
    not show the states of a sequence (`return_states`).

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        lr_schedule: the learning-rate schedule, by the progress remaining.
        critic: "separate", a recurrent network of its own; "shared", a motor neuron of
            the actor's network, which both losses train; or "feed-forward", the network
            "ncp", which gets `n_neurons`, `sparsity_level` and `init_type`, and none of
            the `network_kwargs`.
        timespan_key: name of an entry of a dict observation with the time since the
            last step, one number. It is no feature; the network's cell gets it.
        mask_key: name of an entry of a dict observation that is true where a choice is
            valid: of a Discrete or MultiDiscrete for each value, part after part, of a
            MultiBinary two for each bit. It is no feature.
        masked: whether who calls `predict` says which choices are valid.
        **kwargs: as in `NetworkPolicy`, `n_neurons` with the roles "pi" and "vf", or
            "pi" alone where the critic is shared.

    Raises:
        TypeError: the network cannot run over sequences with resets (and timespans).
        ValueError: the network carries no state, there is no such critic, a shared one
            goes with a features extractor apart, or the observations have no such
            `timespan_key` or `mask_key`.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        critic: str = "separate",
        timespan_key: str | None = None,
        mask_key: str | None = None,
        masked: bool = False,
        **kwargs: Any,
    ) -> None:
        check_algorithm(type(self), MemoryNetworks)
        _check_critic(critic, kwargs)
        check_lstm_arguments(kwargs)
        check_timespan_key(observation_space, timespan_key)
        check_masking(observation_space, action_space, mask_key, masked)
        self.kind_of_critic = critic
        self.timespan_key, self.mask_key, self.masked = timespan_key, mask_key, masked
        self.roles = ("pi",) if critic == "shared" else ("pi", "vf")
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi" and, if apart, "vf"."""
        found: dict[str, Any] = {"pi": self.actor.network}
        if self.critic is not None:
            found["vf"] = self.critic.network
        return found

    def observed(self, space: spaces.Space[Any]) -> spaces.Space[Any]:
        """Returns the space of all that is observed but timespans and masks."""
        space = super().observed(space)
        if self.mask_key is None or not isinstance(space, spaces.Dict):
            return space
        return spaces.Dict({k: part for k, part in space.items() if k != self.mask_key})

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Chooses actions for observations.

        Args:
            observation: of one environment, or of several.
            state: what the last call returned; None starts from the beginning.
            episode_start: (n_envs,), true where an episode starts now, so that the
                state is forgotten; None where none does.
            deterministic: whether the most likely action is taken.
            action_masks: (n_envs, A), false where a choice is invalid.

        Returns:
            actions: of each environment.
            state: the actor's, a tuple of arrays with the environments first.

        Raises:
            ValueError: an argument has another shape, or there are no masks though the
                policy was trained with some.
        """
        if action_masks is None and self.masked:
            raise ValueError(
                "The agent was trained with masks, and needs `action_masks` of the "
                "observation to act; got none. `velora.sb3.evaluate_policy` asks "
                "the environment for them."
            )

        def step(obs: Any, state: State, starts: Tensor) -> tuple[Tensor, State]:
            masks = self.masks_of(obs, action_masks)
            live = live_step(self.actor)
            return self.act(live, obs, state, starts, masks, deterministic)

        return self.act_from(self.actor, step, observation, state, episode_start)

    def masks_of(self, obs: Any, given: Any) -> Any:
        """Returns the (n_envs, A) masks that are given, else those observed, or None.

        Raises:
            ValueError: they have another shape, or leave no choice.
        """
        if given is None and self.mask_key is not None:
            given = obs[self.mask_key]
        if given is None:
            return None
        n_envs = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
        return as_masks(given, self.action_space, n_envs, self.device)

    def _build(self, lr_schedule: Schedule) -> None:
        check_state(self.choice.entry, "MemoryPPO")
        optimizer_class = withhold_optimizer(self)
        super()._build(lr_schedule)
        # The dense layers that Stable-Baselines3 has built only tell their sizes.
        n_actions = self.action_net.out_features
        self.action_net = self.value_net = nn.Identity()
        if isinstance(self.action_dist, CategoricalDistribution):
            self.action_dist = FewOperations(self.action_dist.action_dim)
        self.actor = self._body("pi", n_actions + (self.kind_of_critic == "shared"))
        self.critic = None
        if self.kind_of_critic == "separate":
            self.critic = self._body("vf", 1)
        elif self.kind_of_critic == "feed-forward":
            ncp = self.choice.feed_forward()
            self.critic = ncp.body("vf", self.vf_features_extractor, 1)
        gsde = self.action_dist
        if self.actor.n_shown and isinstance(gsde, StateDependentNoiseDistribution):
            _, self.log_std = gsde.proba_distribution_net(
                n_actions, self.log_std_init, self.actor.n_shown
            )
        make_optimizer(self, optimizer_class, lr_schedule)

    def _body(self, role: str, out_features: int) -> RecurrentBody:
        is_actor = role == "pi"
        extractor: Any = self.pi_features_extractor
        return RecurrentBody(
            self.choice.entry,
            (extractor if is_actor else self.vf_features_extractor).features_dim,
            out_features,
            self.choice.options(role),
            timed=self.timespan_key is not None,
            shown=is_actor and self.use_sde,
        )

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("timespan_key", "mask_key")}
        own |= {"critic": self.kind_of_critic, "masked": self.masked}
        return super()._get_constructor_parameters() | own


def _check_critic(critic: str, kwargs: dict[str, Any]) -> None:
    if critic not in CRITICS:
        raise ValueError(f"`critic` must be one of {list(CRITICS)}; got {critic!r}.")
    for argument in ("shared_lstm", "enable_critic_lstm"):
        if argument in kwargs:
            raise ValueError(
                f"`{argument}` is RecurrentPPO's; say here what the critic is by "
                f"`critic`, one of {list(CRITICS)}."
            )
    if critic == "shared" and not kwargs.get("share_features_extractor", True):
        raise ValueError(
            'critic="shared" needs a shared features extractor; got '
            "share_features_extractor=False."
        )
