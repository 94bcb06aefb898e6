"""Q-networks that go through sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.dqn import policies as dqn
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor, nn

from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.network_defaults import Q_VALUES
from velora.sb3.common.parts import NetworkPart
from velora.sb3.memory.actor_step import ActorStep
from velora.sb3.memory.over_time import over_time
from velora.sb3.memory.replay_policy import ReplayPolicy
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.timespans import timespans_of


class QNetwork(NetworkPart, dqn.QNetwork):
    """The Q-network of a policy or its target; motor neurons are the Q-values.

    Args:
        *args: what Stable-Baselines3's takes.
        timespan_key: name of the entry of observations with the timespans, or None.
        **kwargs: as in `NetworkPart`.
    """

    q_net: Any  # a `RecurrentBody`
    timespan_key: str | None

    def __init__(
        self, *args: Any, timespan_key: str | None = None, **kwargs: Any
    ) -> None:
        self.timespan_key = timespan_key
        super().__init__(*args, **kwargs)

    def put_networks(
        self, choice: NetworkChoice, norm: Callable[[int], nn.Module] | None = None
    ) -> None:
        """Puts a network in the place of the dense layer."""
        self.choice, self.norm = choice, norm
        self.q_net = RecurrentBody(
            choice.entry,
            self.features_dim,
            self.q_net[-1].out_features,
            choice.options("qf"),
            timed=self.timespan_key is not None,
        )

    def over_time(
        self, obs: PyTorchObs, starts: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """Returns the (T, B, A) Q-values over sequences; see `over_time`."""
        return over_time(self, self.q_net, obs, starts, state)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"timespan_key": self.timespan_key}
        return super()._get_constructor_parameters() | own


class MemoryQNetworks(ReplayPolicy, DQNPolicy):
    """A Q-network goes through sequences, from a state; see `ReplayPolicy`.

    Motor neurons are the Q-values; the target has its twin's wiring.
    """

    algorithm = "MemoryDQN"
    roles = ("qf",)
    family = Q_VALUES

    q_net: Any  # a `QNetwork`, as its target

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network that the policy thinks with: "qf"."""
        return {"qf": self.q_net.q_net.network}

    @property
    def bodies(self) -> list[RecurrentBody]:
        """The Q-network alone."""
        return [self.q_net.q_net]

    def make_q_net(self) -> Any:
        """Makes the Q-network, or its target, with a network for its dense layer."""
        q_net: Any = super().make_q_net()
        q_net.timespan_key = self.timespan_key
        QNetwork.adopt(q_net, self.choice)
        return q_net.to(self.device)

    def advance(
        self,
        steps: list[ActorStep],
        obs: PyTorchObs,
        states: list[State],
        starts: Tensor,
        previous: Tensor,
        deterministic: bool = False,
    ) -> tuple[Tensor, list[State]]:
        """Takes the best actions; see `ReplayPolicy.advance`."""
        features = self.q_net.extract_features(obs, self.q_net.features_extractor)
        times = timespans_of(obs, self.timespan_key)
        values, after = steps[0](features, states[0], starts, times)
        return values.argmax(dim=1), [after]
