"""What RecurrentPPO asks of a policy, answered by networks in the LSTMs' place."""

from __future__ import annotations

from typing import Any

import numpy as np
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

from velora.sb3.common.contrib import RecurrentActorCriticPolicy, RNNStates
from velora.sb3.recurrent.lstm_states import HOW_TO_PACK, PackedBody
from velora.sb3.recurrent.timespans import timespans_of

Packed = tuple[Tensor, ...]  # a state as `PackedBody.pack` makes it


class SequencePolicy(RecurrentActorCriticPolicy):
    """Thinks over sequences with the bodies that a subclass builds.

    sb3-contrib's policy puts a dense layer after each LSTM; here the outputs of a
    network are the logits or means of the actions, and the value.

    Attributes:
        lstm_actor: a `PackedBody`; RecurrentPPO asks for it by this name. Its last
            output is the value if `shared_lstm`.
        lstm_critic: a `PackedBody`, or None.
        critic: a `NetworkBody`, or None; of use where `lstm_critic` is None.
        timespan_key: name of the entry of observations with the timespans, or None.
    """

    lstm_actor: Any
    lstm_critic: Any
    critic: Any
    timespan_key: str | None
    pi_features_extractor: Any
    vf_features_extractor: Any

    def forward(  # type: ignore[override]  # as in RecurrentActorCriticPolicy
        self,
        obs: PyTorchObs,
        lstm_states: RNNStates,
        episode_starts: Tensor,
        deterministic: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor, RNNStates]:
        """Chooses actions; arguments and results as in sb3-contrib's policy."""
        distribution, values, states = self._think(obs, lstm_states, episode_starts)
        actions = distribution.get_actions(deterministic=deterministic)
        log_prob = distribution.log_prob(actions)
        actions = actions.reshape((-1, *(self.action_space.shape or ())))
        return actions, values, log_prob, states

    def evaluate_actions(  # type: ignore[override]  # as above
        self,
        obs: PyTorchObs,
        actions: Tensor,
        lstm_states: RNNStates,
        episode_starts: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Returns (B·T, 1) values, (B·T,) log-probabilities and entropies."""
        distribution, values, _ = self._think(obs, lstm_states, episode_starts)
        if isinstance(self.action_space, spaces.MultiBinary):
            actions = actions.float()  # the buffer keeps them as int8
        return values, distribution.log_prob(actions), distribution.entropy()

    def get_distribution(  # type: ignore[override]  # as above
        self, obs: PyTorchObs, lstm_states: Packed, episode_starts: Tensor
    ) -> tuple[Distribution, Packed]:
        """Returns the distribution of actions and the actor's packed state."""
        features = self._features(obs, self.pi_features_extractor)
        outputs, after, shown = self.lstm_actor(
            features, lstm_states, episode_starts, timespans_of(obs, self.timespan_key)
        )
        return self._distribution(outputs, features, shown), after

    def predict_values(  # type: ignore[override]  # as above
        self, obs: PyTorchObs, lstm_states: Packed, episode_starts: Tensor
    ) -> Tensor:
        """Returns the (B·T, 1) values, from the critic's packed state."""
        features = self._features(obs, self.vf_features_extractor)
        if self.critic is not None:
            values: Tensor = self.critic(features)
            return values
        body = self.lstm_actor if self.lstm_critic is None else self.lstm_critic
        outputs: Tensor
        timespans = timespans_of(obs, self.timespan_key)
        outputs, *_ = body(features, lstm_states, episode_starts, timespans)
        return outputs[:, -1:]

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Chooses actions for observations.

        Args:
            observation: of one environment, or of several.
            state: what the last call returned; None starts from the beginning.
            episode_start: (n_envs,), true where an episode starts now, so that the
                state is forgotten; None where none does.
            deterministic: whether the most likely action is taken.

        Returns:
            actions: of each environment.
            state: the network's, a tuple of arrays with the environments first, in its
                own dtypes. `evaluate_actions` takes packed states instead.

        Raises:
            ValueError: the state or `episode_start` has another shape.
        """
        obs, _ = self.obs_to_tensor(observation)
        n_envs = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
        body: PackedBody = self.lstm_actor
        if state is None:
            tensors = body.initial_state(n_envs)
        else:
            tensors = body.from_arrays(state, n_envs, self.device)
        if episode_start is not None and np.shape(episode_start) != (n_envs,):
            raise ValueError(
                f"`episode_start` must have shape (n_envs,) = ({n_envs},); got "
                f"{np.shape(episode_start)}."
            )
        packed = tuple(part.detach().cpu().numpy() for part in body.pack(tensors))
        actions, after = super().predict(
            observation, packed, episode_start, deterministic
        )
        parts = body.unpack(tuple(torch.as_tensor(part) for part in after or ()))
        return actions, tuple(part.numpy() for part in parts)

    def act(
        self,
        obs: PyTorchObs,
        state: tuple[Tensor, ...],
        starts: Tensor,
        deterministic: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Goes one step with the actor alone, whose state is not packed.

        Args:
            obs: (n_envs, ...) observations.
            state: the network's, before, each tensor with the environments first.
            starts: (n_envs,), not zero where an episode starts.
            deterministic: whether the most likely action is taken.

        Returns:
            (n_envs, ...) actions, and the state after.
        """
        features = self._features(obs, self.pi_features_extractor)
        times = timespans_of(obs, self.timespan_key)
        body: PackedBody = self.lstm_actor
        outputs, after, shown = body.step(features, state, starts, times)
        distribution = self._distribution(outputs, features, shown)
        return distribution.get_actions(deterministic), after

    def _think(
        self, obs: PyTorchObs, lstm_states: RNNStates, episode_starts: Tensor
    ) -> tuple[Distribution, Tensor, RNNStates]:
        """Returns the distribution, the (B·T, 1) values and the states after."""
        if not hasattr(lstm_states, "pi") or not hasattr(lstm_states, "vf"):
            raise TypeError(
                "`lstm_states` must be sb3-contrib's RNNStates(pi, vf) of packed "
                "states, as a minibatch of the rollout buffer has them "
                f"(`data.lstm_states`); got {type(lstm_states).__name__}. {HOW_TO_PACK}"
            )
        both = self.extract_features(obs)
        of_pi, of_vf = both if isinstance(both, tuple) else (both, both)
        timespans = timespans_of(obs, self.timespan_key)
        outputs, pi, shown = self.lstm_actor(
            of_pi, lstm_states.pi, episode_starts, timespans
        )
        vf = pi
        if self.lstm_critic is not None:
            values, vf, _ = self.lstm_critic(
                of_vf, lstm_states.vf, episode_starts, timespans
            )
        elif self.critic is not None:
            values = self.critic(of_vf)
        else:
            values = outputs[:, -1:]
        distribution = self._distribution(outputs, of_pi, shown)
        return distribution, values, RNNStates(pi, vf)

    def _distribution(
        self, outputs: Tensor, features: Tensor, shown: Tensor | None
    ) -> Distribution:
        """Returns the distribution; gSDE's noise is of shown states, or of features."""
        if self.shared_lstm:
            outputs = outputs[:, :-1]  # the last one is the value
        if isinstance(self.action_dist, StateDependentNoiseDistribution):
            noisy = features if shown is None else shown
            return self.action_dist.proba_distribution(outputs, self.log_std, noisy)
        return self._get_action_dist_from_latent(outputs)

    def _features(self, obs: PyTorchObs, extractor: BaseFeaturesExtractor) -> Tensor:
        return super(ActorCriticPolicy, self).extract_features(obs, extractor)
