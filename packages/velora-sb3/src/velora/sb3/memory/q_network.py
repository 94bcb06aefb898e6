"""The Q-network of DQN that goes through sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.dqn import policies as dqn
from torch import Tensor

from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.parts import NetworkPart, Norm
from velora.sb3.memory.over_time import features_over_time
from velora.sb3.memory.q_body import QBody
from velora.sb3.memory.sequences import State


class QNetwork(NetworkPart, dqn.QNetwork):
    """A memory of what was observed, and a head that values each action.

    The head sees the memory's outputs and the observation itself.

    Args:
        *args: what Stable-Baselines3's takes.
        timespan_key: name of the entry of observations with the timespans, or None.
        head: sizes of the dense layers.
        **kwargs: as in `NetworkPart`.
    """

    q_net: Any  # a `QBody`
    timespan_key: str | None
    head: Sequence[int]

    def __init__(
        self,
        *args: Any,
        timespan_key: str | None = None,
        head: Sequence[int] = (128, 128),
        **kwargs: Any,
    ) -> None:
        self.timespan_key, self.head = timespan_key, head
        super().__init__(*args, **kwargs)

    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts a memory and a head in the place of the dense layer."""
        self.choice, self.norm = choice, norm
        n_actions = int(self.action_space.n)
        timed = self.timespan_key is not None
        self.q_net = QBody(choice, self.features_dim, n_actions, self.head, timed=timed)

    def over_time(
        self, obs: PyTorchObs, starts: Tensor, state: State, *, valued_from: int = 0
    ) -> tuple[Tensor, State]:
        """Goes through sequences.

        Args:
            obs: (T, B, ...) observations, or a dict of such.
            starts: (T, B) booleans, true where an episode starts.
            state: before the first step.
            valued_from: step S, the first one whose actions are valued.

        Returns:
            (T - S, B, A) values of the actions, and the state after the last step.
        """
        features, times = features_over_time(self, obs, starts)
        remembered, after, _ = self.q_net.memory.forward_sequence(
            features, state, resets=starts, timespans=times
        )
        asked = slice(valued_from, None)
        return self.q_net.values(remembered[asked], features[asked]), after

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"timespan_key": self.timespan_key, "head": self.head}
        return super()._get_constructor_parameters() | own
