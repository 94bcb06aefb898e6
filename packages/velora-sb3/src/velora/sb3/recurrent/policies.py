"""Policies over networks whose state RecurrentPPO carries."""

from __future__ import annotations

from functools import partial
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.distributions import StateDependentNoiseDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from velora.sb3.common.algorithm import check_algorithm
from velora.sb3.common.contrib import RecurrentActorCriticPolicy
from velora.sb3.common.optimizers import make_optimizer, withhold_optimizer
from velora.sb3.recurrent.lstm_states import PackedBody
from velora.sb3.recurrent.sequence_policy import SequencePolicy
from velora.sb3.recurrent.state_policy import (
    StatePolicy,
    check_lstm_arguments,
    check_state,
)
from velora.sb3.recurrent.timespans import check_timespan_key


class RecurrentNetworks(StatePolicy, SequencePolicy):
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
            neither, it is the feed-forward network "ncp", which gets `n_neurons`,
            `sparsity_level` and `init_type`, and none of the `network_kwargs`.
        timespan_key: name of an entry of a dict observation with the time since the
            last step, one number. It is no feature; the network's cell gets it.
        **kwargs: as in `NetworkPolicy`, `n_neurons` with the roles "pi" and "vf".

    Raises:
        TypeError: the network cannot run over sequences with resets (and timespans).
        ValueError: the network carries no state, `shared_lstm` goes with a critic or
            features extractor apart, or the observations have no such `timespan_key`.
    """

    action_net: Any
    value_net: Any

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
        check_lstm_arguments(kwargs)
        check_timespan_key(observation_space, timespan_key)
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
        check_state(self.choice.entry, "RecurrentPPO")
        packed_body = partial(
            PackedBody, self.choice.entry, timed=timespan_key is not None
        )
        gsde = self.action_dist
        self.lstm_actor = packed_body(
            self.pi_features_extractor.features_dim,
            n_actions + shared_lstm,
            self.choice.options("pi"),
            shown=isinstance(gsde, StateDependentNoiseDistribution),
        )
        n_shown = self.lstm_actor.n_shown
        if n_shown and isinstance(gsde, StateDependentNoiseDistribution):
            _, self.log_std = gsde.proba_distribution_net(
                n_actions, self.log_std_init, n_shown
            )
        if enable_critic_lstm:
            self.lstm_critic = packed_body(
                self.vf_features_extractor.features_dim, 1, self.choice.options("vf")
            )
            size = max(self.lstm_actor.hidden_size, self.lstm_critic.hidden_size)
            self.lstm_actor.hidden_size = self.lstm_critic.hidden_size = size
        elif not shared_lstm:
            self.critic = self.choice.feed_forward().body(
                "vf", self.vf_features_extractor, 1
            )
        self.lstm_hidden_state_shape = (1, 1, self.lstm_actor.hidden_size)
        make_optimizer(self, self._optimizer_class, lr_schedule)
        del self._optimizer_class

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi" and, if apart, "vf"."""
        found = {"pi": self.lstm_actor.network}
        critic = self.lstm_critic or self.critic
        return found if critic is None else found | {"vf": critic.network}

    def _build(self, lr_schedule: Schedule) -> None:
        # sb3-contrib goes on with LSTMs and another optimizer: `__init__` makes ours.
        self._optimizer_class = withhold_optimizer(self)
        super()._build(lr_schedule)

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
