"""Sequences from a replay buffer, as networks go through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from velora.sb3.memory.sequences import State, each

if TYPE_CHECKING:
    from velora.sb3.memory.replay import SequenceReplayBuffer


class Replayed(NamedTuple):
    """B sequences of N steps, the last L of which are learned from; time first.

    There is one observation more than steps, as each led to one, and C >= B columns.
    Those from B on are copies of columns in which an episode was cut off: there it goes
    on, so that the worth of its last observation can be computed as any other.

    Attributes:
        observations: (N + 1, C, ...), or a dict of such.
        starts: (N + 1, C) booleans, true where an episode starts.
        states: before the first steps, (C, ...) each.
        previous: (N + 1, C, A) the actions before; zeros where an episode starts.
        actions: (L, B, A) of what is learned from.
        rewards: (L, B) of what is learned from.
        dones: (L, B) 1 where the episode ended there, and was not cut off, else 0.
        columns: (L, B) in which to look for what followed: of step t what is computed
            at N - L + t + 1.
    """

    observations: PyTorchObs
    starts: Tensor
    states: State
    previous: Tensor
    actions: Tensor
    rewards: Tensor
    dones: Tensor
    columns: Tensor

    @property
    def n_columns(self) -> int:
        """Sequences B without the copies."""
        return self.rewards.shape[1]

    @property
    def burn_in(self) -> int:
        """Steps N - L before those that are learned from."""
        return len(self.starts) - 1 - len(self.rewards)

    def between(
        self, start: int, stop: int | None, *, copies: bool = False
    ) -> tuple[PyTorchObs, Tensor]:
        """Returns observations and starts of some steps, with the copies or without."""
        steps = slice(start, stop)
        columns = slice(None if copies else self.n_columns)
        return (
            each(lambda part: part[steps, columns], self.observations),
            self.starts[steps, columns],
        )

    def following(self, values: Tensor) -> Tensor:
        """Returns the (L, B) of (L, C) values, each a step later, that followed."""
        return values.gather(1, self.columns)


def replayed(
    rings: SequenceReplayBuffer,
    begins: np.ndarray,
    envs: np.ndarray,
    states: Sequence[np.ndarray],
    burn_in: int,
    normalizer: VecNormalize | None,
) -> Replayed:
    """Returns the sequences that begin at places (B,) of environments (B,).

    Args:
        rings: where they are.
        begins: the places, at which `states` were met.
        envs: the environments.
        states: (B, ...) each.
        burn_in: steps before those that are learned from.
        normalizer: normalises observations and rewards, as it would now.
    """
    time = np.arange(burn_in + rings.sequence_length + 1)[:, None]
    places = (begins + time) % rings.buffer_size  # (N + 1, B)
    starts = rings.starts[places, envs]
    ended = rings.dones[places, envs] * (1 - rings.timeouts[places, envs])
    # Whose next observation in the ring is of another episode, though theirs went on.
    steps, cut = np.nonzero(starts[burn_in + 1 :] & (ended[burn_in:-1] == 0))
    extra = len(envs) + np.arange(len(cut))
    columns = np.tile(np.arange(len(envs)), (rings.sequence_length, 1))
    columns[steps, cut] = extra
    source = np.concatenate((np.arange(len(envs)), cut))  # of each column
    after = burn_in + 1 + steps
    starts = starts[:, source]
    starts[after, extra] = False
    observations = each(
        lambda ring: ring[places[:, source], envs[source]], rings.observations
    )
    for step, column in zip(after, extra, strict=True):
        end = rings.end_of(places[step - 1, source[column]], envs[source[column]])

        def put(part: np.ndarray, last: Any, at: Any = (step, column)) -> None:
            part[at] = last

        each(put, observations, end)
    previous = rings.actions[places[:, source] - 1, envs[source]]
    previous = np.where(starts[..., None], 0, previous)
    taken = places[burn_in:-1]
    rewards = rings._normalize_reward(rings.rewards[taken, envs], normalizer)
    return Replayed(
        each(rings.to_torch, rings._normalize_obs(observations, normalizer)),
        rings.to_torch(starts),
        tuple(rings.to_torch(part[source]) for part in states),
        rings.to_torch(previous),
        rings.to_torch(rings.actions[taken, envs]),
        rings.to_torch(rewards),
        rings.to_torch(ended[burn_in:-1]),
        rings.to_torch(columns),
    )
