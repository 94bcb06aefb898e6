"""Policies for sb3-contrib's RecurrentPPO."""

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
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor, nn

from velora.sb3.common.algorithm import check_algorithm
from velora.sb3.common.contrib import RecurrentActorCriticPolicy, RecurrentPPO, RNNStates
from velora.sb3.common.policy import NetworkPolicy
from velora.sb3.recurrent.recurrent_body import State, StatefulBody


class RecurrentNetworks(NetworkPolicy, RecurrentActorCriticPolicy):
    """Actor and critic are recurrent networks, with states; see `NetworkPolicy`.

    Motor neurons are the logits or means of the actions, and the value. Sequences of an
    update start from the states that were stored, and episodes that start within them
    are resets of the network's `forward_sequence`. `predict` takes and returns the
    network's state as a tuple of arrays with the environments first: one for a network
    whose state is a tensor. The noise of gSDE is a function of the actor's state after
    the step, its command neurons; of the features, for a network that does not show the
    states of a sequence (`return_states`).

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        lr_schedule: the learning-rate schedule, by the progress remaining.
        shared_lstm: whether actor and critic are one network: the value is a motor
            neuron beside those of the action, and both losses train it.
        enable_critic_lstm: whether the critic is a recurrent network of its own. If
            neither, it is the feed-forward network "ncp".
        timespan_key: name of an entry of a dict observation with the time since the
            last step, one number. It is no feature; the network's cell gets it.
        **kwargs: as in `NetworkPolicy`, `n_neurons` with the roles "pi" and "vf".

    Raises:
        TypeError: the network cannot run over sequences with resets (and timespans).
        ValueError: the network carries no state, `shared_lstm` goes with a critic or
            features extractor apart, or the observations have no such `timespan_key`.
    """

    remembers = True

    lstm_actor: Any  # a StatefulBody; RecurrentPPO asks for it by this name
    lstm_critic: Any  # a StatefulBody, or None
    critic: Any  # a NetworkBody, or None
    action_net: Any
    value_net: Any
    roles: tuple[str, ...]
    pi_features_extractor: Any
    vf_features_extractor: Any

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        shared_lstm: bool = False,
        enable_critic_lstm: bool = True,
        timespan_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_algorithm(type(self), RecurrentActorCriticPolicy)
        _check_options(shared_lstm, enable_critic_lstm, kwargs)
        _check_timespan(observation_space, timespan_key)
        self.timespan_key = timespan_key
        self.roles = ("pi",) if shared_lstm else ("pi", "vf")
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            shared_lstm=shared_lstm,
            enable_critic_lstm=enable_critic_lstm,
            lstm_hidden_size=1,  # of the LSTMs that ours replace
            **kwargs,
        )
        # The layers that were built only tell their sizes.
        n_actions = self.action_net.out_features
        self.action_net = self.value_net = nn.Identity()
        self.critic = self.lstm_critic = None
        timed = timespan_key is not None
        gsde = self.action_dist
        self.lstm_actor = self.choice.stateful_body(
            "pi",
            self.pi_features_extractor,
            n_actions + shared_lstm,
            timed=timed,
            shown=isinstance(gsde, StateDependentNoiseDistribution),
        )
        n_shown = self.lstm_actor.n_shown
        if n_shown and isinstance(gsde, StateDependentNoiseDistribution):
            _, self.log_std = gsde.proba_distribution_net(
                n_actions, self.log_std_init, n_shown
            )
        if enable_critic_lstm:
            self.lstm_critic = self.choice.stateful_body(
                "vf", self.vf_features_extractor, 1, timed=timed
            )
            size = max(self.lstm_actor.hidden_size, self.lstm_critic.hidden_size)
            self.lstm_actor.hidden_size = self.lstm_critic.hidden_size = size
        elif not shared_lstm:
            self.critic = self.choice.feed_forward().body(
                "vf", self.vf_features_extractor, 1
            )
        self.lstm_hidden_state_shape = (1, 1, self.lstm_actor.hidden_size)
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1),  # type: ignore[call-arg]  # every optimizer has one
            **self.optimizer_kwargs,
        )
        self._fuse_optimizers()

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi" and, if apart, "vf"."""
        found = {"pi": self.lstm_actor.network}
        critic = self.lstm_critic or self.critic
        return found if critic is None else found | {"vf": critic.network}

    def make_features_extractor(self) -> BaseFeaturesExtractor:
        """Makes an extractor of all that is observed but the timespans."""
        space = self.observation_space
        if self.timespan_key is not None and isinstance(space, spaces.Dict):
            rest = {k: part for k, part in space.items() if k != self.timespan_key}
            space = spaces.Dict(rest)
        return self.features_extractor_class(space, **self.features_extractor_kwargs)

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
        self, obs: PyTorchObs, lstm_states: State, episode_starts: Tensor
    ) -> tuple[Distribution, State]:
        """Returns the distribution of actions and the actor's packed state."""
        features = self._features(obs, self.pi_features_extractor)
        outputs, after, shown = self.lstm_actor(
            features, lstm_states, episode_starts, self._timespans(obs)
        )
        return self._distribution(outputs, features, shown), after

    def predict_values(  # type: ignore[override]  # as above
        self, obs: PyTorchObs, lstm_states: State, episode_starts: Tensor
    ) -> Tensor:
        """Returns the (B·T, 1) values, from the critic's packed state."""
        features = self._features(obs, self.vf_features_extractor)
        if self.critic is not None:
            values: Tensor = self.critic(features)
            return values
        body = self.lstm_actor if self.lstm_critic is None else self.lstm_critic
        outputs: Tensor
        timespans = self._timespans(obs)
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
            state: the network's, a tuple of arrays with the environments first.

        Raises:
            ValueError: the state or `episode_start` has another shape.
        """
        obs, _ = self.obs_to_tensor(observation)
        n_envs = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
        body: StatefulBody = self.lstm_actor
        if state is None:
            tensors = body.initial_state(n_envs)
        else:
            tensors = self._checked_state(state, n_envs)
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

    def _think(
        self, obs: PyTorchObs, lstm_states: RNNStates, episode_starts: Tensor
    ) -> tuple[Distribution, Tensor, RNNStates]:
        """Returns the distribution, the (B·T, 1) values and the states after."""
        both = self.extract_features(obs)
        of_pi, of_vf = both if isinstance(both, tuple) else (both, both)
        timespans = self._timespans(obs)
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
        features = super(ActorCriticPolicy, self).extract_features(obs, extractor)
        assert isinstance(features, Tensor)
        return features

    def _timespans(self, obs: PyTorchObs) -> Tensor | None:
        if self.timespan_key is None:
            return None
        assert isinstance(obs, dict)
        return obs[self.timespan_key].float()

    def _checked_state(self, state: tuple[np.ndarray, ...], n_envs: int) -> State:
        shapes = [(n_envs, *shape) for shape in self.lstm_actor.shapes]
        given = state if isinstance(state, (tuple, list)) else (state,)
        got = [np.shape(part) for part in given]
        if got != shapes:
            raise ValueError(
                f"`state` must be a tuple of arrays of shapes {shapes}, as `predict` "
                f"returns it for as many environments; got {got}."
            )
        return tuple(
            torch.as_tensor(part, dtype=torch.float32, device=self.device)
            for part in given
        )

    def _build_mlp_extractor(self) -> None:
        # The LSTMs that ours replace take no number of NumPy's.
        self.features_dim = int(self.features_dim)
        # Of the features; sb3-contrib's own is one of an LSTM's outputs.
        ActorCriticPolicy._build_mlp_extractor(self)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        names = ("shared_lstm", "enable_critic_lstm", "timespan_key")
        own = {name: getattr(self, name) for name in names}
        return super()._get_constructor_parameters() | own


def _check_options(shared: bool, critic: bool, kwargs: dict[str, Any]) -> None:
    if shared and critic:
        raise ValueError(
            "`shared_lstm` and `enable_critic_lstm` exclude each other; got both. Pass "
            "enable_critic_lstm=False to share the network."
        )
    if shared and not kwargs.get("share_features_extractor", True):
        raise ValueError(
            "`shared_lstm` needs a shared features extractor; got "
            "share_features_extractor=False."
        )
    for argument in ("lstm_hidden_size", "n_lstm_layers", "lstm_kwargs"):
        if argument in kwargs:
            raise ValueError(
                f"`{argument}` describes an LSTM, which this policy does not have; "
                "size its networks with `n_neurons` and `network_kwargs`."
            )


def _check_timespan(space: spaces.Space[Any], key: str | None) -> None:
    if key is None:
        return
    parts = space.spaces if isinstance(space, spaces.Dict) else {}
    part = parts.get(key)
    if not isinstance(part, spaces.Box) or part.shape not in ((), (1,)):
        raise ValueError(
            "`timespan_key` must name a Box of one number in a Dict observation space, "
            f"the time since the last step; got {key!r} for {space}."
        )
    if len(parts) == 1:
        raise ValueError(
            f"The observations must have an entry beside `timespan_key` {key!r}; got "
            f"{space}."
        )


class LiquidPolicy(RecurrentNetworks):
    """Liquid actor and critic with memory and NCP wirings; see `RecurrentNetworks`."""

    default_network = "liquid"


RecurrentPPO.policy_aliases.update(LiquidPolicy=LiquidPolicy)
