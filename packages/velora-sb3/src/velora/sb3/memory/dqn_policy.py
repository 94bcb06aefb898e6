"""The policy of DQN over a network that goes through sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor, nn

from velora.sb3.common.network_defaults import Q_VALUES
from velora.sb3.memory.actor_step import ActorStep
from velora.sb3.memory.q_body import check_head
from velora.sb3.memory.q_network import QNetwork
from velora.sb3.memory.replay_policy import ReplayPolicy
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.timespans import timespans_of


class MemoryDQNNetworks(ReplayPolicy, DQNPolicy):
    """The Q-network goes through sequences, from states; see `ReplayPolicy`.

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        lr_schedule: the learning-rate schedule, by the progress remaining.
        head: sizes of the dense layers after the memory; without any, motor neurons are
            the Q-values.
        **kwargs: as in `ReplayPolicy`, `n_neurons` with the role "qf".

    Raises:
        ValueError: `head` is no sizes.
    """

    algorithm = "MemoryDQN"
    roles = ("qf",)
    family = Q_VALUES

    q_net: Any  # a `QNetwork`, as its target
    q_net_target: Any

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        head: Sequence[int] = (128, 128),
        **kwargs: Any,
    ) -> None:
        self.head = check_head(head)
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network that the policy thinks with: "qf"."""
        network: Any = self.bodies[0].network
        return {"qf": network}

    @property
    def bodies(self) -> list[RecurrentBody]:
        """The memory of the Q-network."""
        return [self.q_net.q_net.memory]

    def make_q_net(self) -> Any:
        """Makes the Q-network, or its target, with a memory and a head."""
        q_net: Any = super().make_q_net()
        q_net.timespan_key, q_net.head = self.timespan_key, self.head
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
        """Takes the actions that are worth most; see `ReplayPolicy.advance`."""
        q_net = self.q_net
        features = q_net.extract_features(obs, q_net.features_extractor)
        times = timespans_of(obs, self.timespan_key)
        remembered, after = steps[0](features, states[0], starts, times)
        return q_net.q_net.values(remembered, features).argmax(dim=1), [after]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"head": self.head}
