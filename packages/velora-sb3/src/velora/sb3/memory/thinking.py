"""What an algorithm asks of a policy with memory: steps, and whole sequences."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import (
    Distribution,
    StateDependentNoiseDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

from velora.sb3.memory.actor_step import ActorStep
from velora.sb3.memory.masks import masked
from velora.sb3.memory.sequences import Sequences, State, States, of_one_step
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.timespans import timespans_of


class ThinkingPolicy(ActorCriticPolicy):
    """Thinks with the bodies that a subclass builds; see `MemoryNetworks`.

    Attributes:
        actor: whose last output is the value where there is no critic.
        critic: a `RecurrentBody`, a `NetworkBody` or None.
        timespan_key: name of the entry of observations with the timespans, or None.
        mask_key: name of the entry of observations with masks, or None.
    """

    actor: RecurrentBody
    critic: Any
    timespan_key: str | None
    mask_key: str | None
    action_net: Any
    value_net: Any
    pi_features_extractor: Any
    vf_features_extractor: Any

    def initial_states(self, n_envs: int) -> States:
        """Returns the states before a first step."""
        has_state = isinstance(self.critic, RecurrentBody)
        vf = self.critic.initial_state(n_envs) if has_state else ()
        return States(self.actor.initial_state(n_envs), vf)

    def act(
        self,
        step: ActorStep,
        obs: PyTorchObs,
        state: State,
        starts: Tensor,
        masks: Tensor | None = None,
        deterministic: bool = False,
    ) -> tuple[Tensor, State]:
        """Goes one step with the actor alone.

        Args:
            step: of the actor; see `velora.sb3.memory.actor_step`.
            obs: (n_envs, ...) observations.
            state: the actor's, before.
            starts: (n_envs,) true where an episode starts.
            masks: (n_envs, A) false where a choice is invalid.
            deterministic: whether the most likely action is taken.

        Returns:
            (n_envs, ...) actions, and the state after.
        """
        features = self._features(obs, self.pi_features_extractor)
        times = timespans_of(obs, self.timespan_key)
        outputs, after = step(features, state, starts, times)
        distribution = self._distribution(
            outputs, features, self.actor.flat(after), masks
        )
        return distribution.get_actions(deterministic), after

    def think(self, sequences: Sequences) -> tuple[Distribution, Tensor, States]:
        """Goes through sequences with actor and critic.

        Returns:
            The distribution of T·B actions, (T·B,) values, both step by step, and the
            states after the last steps.
        """
        obs, starts = sequences.rows(), sequences.starts
        of_pi, of_vf = self._all_features(obs)
        times = timespans_of(obs, self.timespan_key)
        if times is not None:
            times = times.view(starts.shape)

        def over_time(body: RecurrentBody, features: Tensor, state: State) -> Any:
            steps = features.view(*starts.shape, -1)  # (T, B, F)
            return body.forward_sequence(steps, state, resets=starts, timespans=times)

        outputs, pi, shown = over_time(self.actor, of_pi, sequences.states.pi)
        outputs, vf = outputs.flatten(0, 1), sequences.states.vf
        if self.critic is None:
            values = outputs[:, -1]
        elif isinstance(self.critic, RecurrentBody):
            values, vf, _ = over_time(self.critic, of_vf, vf)
        else:
            values = self.critic(of_vf)
        if shown is not None:
            shown = shown.flatten(0, 1)
        masks = sequences.masks
        if masks is not None:
            masks = masks.flatten(0, 1)
        elif self.mask_key is not None and isinstance(obs, dict):
            masks = obs[self.mask_key] != 0
        distribution = self._distribution(outputs, of_pi, shown, masks)
        return distribution, values.flatten(), States(pi, vf)

    def evaluate_actions(  # type: ignore[override]  # sequences, where PPO passes on
        self, obs: Sequences, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Returns what PPO trains by, of T·B actions, step by step.

        Args:
            obs: sequences.
            actions: (T·B, ...) as a rollout has them.

        Returns:
            (T·B,) values, log-probabilities and entropies.
        """
        distribution, values, _ = self.think(obs)
        return values, self.log_prob(distribution, actions), distribution.entropy()

    def log_prob(self, distribution: Distribution, actions: Tensor) -> Tensor:
        """Returns the (N,) log-probabilities of actions as a rollout has them."""
        if isinstance(self.action_space, spaces.Discrete):
            actions = actions.long().flatten()
        return distribution.log_prob(actions)

    def forward(  # type: ignore[override]  # a policy with states
        self,
        obs: PyTorchObs,
        states: States | None = None,
        episode_starts: Tensor | None = None,
        deterministic: bool = False,
        action_masks: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, States]:
        """Goes one step with actor and critic.

        Args:
            obs: (n_envs, ...) observations.
            states: before; None starts from the beginning.
            episode_starts: (n_envs,), not zero where an episode starts.
            deterministic: whether the most likely action is taken.
            action_masks: (n_envs, A) false where a choice is invalid.

        Returns:
            (n_envs, ...) actions, (n_envs,) values and log-probabilities, and the
            states after.
        """
        sequences = self._step(obs, states, episode_starts, action_masks)
        distribution, values, after = self.think(sequences)
        actions = distribution.get_actions(deterministic)
        log_prob = distribution.log_prob(actions)
        shape = self.action_space.shape or ()
        return actions.reshape(-1, *shape), values, log_prob, after

    def get_distribution(
        self,
        obs: PyTorchObs,
        states: States | None = None,
        episode_starts: Tensor | None = None,
    ) -> Distribution:
        """Returns the distribution of actions at one step; arguments as `forward`."""
        return self.think(self._step(obs, states, episode_starts))[0]

    def predict_values(
        self,
        obs: PyTorchObs,
        states: States | None = None,
        episode_starts: Tensor | None = None,
    ) -> Tensor:
        """Returns the (n_envs,) values at one step; arguments as `forward`."""
        return self.think(self._step(obs, states, episode_starts))[1]

    def _step(
        self,
        obs: PyTorchObs,
        states: States | None,
        starts: Tensor | None,
        masks: Tensor | None = None,
    ) -> Sequences:
        n_envs = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
        states = self.initial_states(n_envs) if states is None else states
        if starts is None:
            starts = torch.zeros(n_envs, device=self.device)
        return of_one_step(obs, states, starts != 0, masks)

    def _distribution(
        self,
        outputs: Tensor,
        features: Tensor,
        shown: Tensor | None,
        masks: Tensor | None,
    ) -> Distribution:
        """Returns the distribution; gSDE's noise is of shown states, or of features."""
        if self.critic is None:
            outputs = outputs[:, :-1]  # the last one is the value
        if isinstance(self.action_dist, StateDependentNoiseDistribution):
            noisy = features if shown is None else shown
            return self.action_dist.proba_distribution(outputs, self.log_std, noisy)
        if masks is not None:
            outputs = masked(outputs, masks, self.action_space)
        return self._get_action_dist_from_latent(outputs)

    def _all_features(self, obs: PyTorchObs) -> tuple[Tensor, Tensor]:
        both = self.extract_features(obs)
        return both if isinstance(both, tuple) else (both, both)

    def _features(self, obs: PyTorchObs, extractor: BaseFeaturesExtractor) -> Tensor:
        return super(ActorCriticPolicy, self).extract_features(obs, extractor)
