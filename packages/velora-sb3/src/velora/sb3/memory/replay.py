"""A replay buffer of whole sequences, each from the state that was met there."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.vec_env import VecNormalize

from velora.sb3.memory.replayed import Replayed, replayed
from velora.sb3.memory.sequences import State, each


class SequenceReplayBuffer(ReplayBuffer):
    """Keeps steps in rings of (time, environment), and samples some that were in a row.

    A sequence is of at least `burn_in` steps, by which networks get into the state that
    they would have there now, and `sequence_length` that are learned from. It starts
    where the states that were met are kept, twice as often as sequences are long, and
    never reaches across the place that is written next. What is learned from starts
    anywhere: each sample burns in up to `interval` - 1 steps longer. Episodes that
    start within it do so where `starts` says; nothing is padded. (Kapturowski et al.
    2019, "Recurrent experience replay in distributed reinforcement learning".)

    What a step led to is the observation of the next one, and kept once; where another
    episode starts there, however that came about, it is put aside. So
    `optimize_memory_usage` changes nothing, and episodes that were cut off have their
    true last observation.

    Args:
        buffer_size: steps of all environments; rounded down so that the grid fits.
        observation_space: of the environment, a Dict too.
        action_space: of the environment.
        device: where samples are.
        n_envs: number of environments.
        optimize_memory_usage: as above.
        handle_timeout_termination: whether an episode that was cut off goes on in what
            is learned.
        sequence_length: steps of a sequence that are learned from.
        burn_in: steps before them, or more.

    Raises:
        ValueError: a length is no such number, or not even one sequence fits in.

    Attributes:
        starts: (T, n_envs) booleans, true where an episode starts.
        states: before each step of the grid, (T // interval, n_envs, ...) each.
    """

    starts: np.ndarray
    states: tuple[np.ndarray, ...] | None
    _told: int | None = None  # the place of which `begin` has told

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        *,
        sequence_length: int = 16,
        burn_in: int = 20,
    ) -> None:
        check_length("sequence_length", sequence_length, 1)
        check_length("burn_in", burn_in, 0)
        BaseBuffer.__init__(
            self, buffer_size, observation_space, action_space, device, n_envs
        )
        self.sequence_length, self.burn_in = sequence_length, burn_in
        self.interval = max(sequence_length // 2, 1)  # of the grid
        size = buffer_size // n_envs // self.interval * self.interval
        if size < self.n_steps + self.interval:  # as the oldest step is none
            fits = (self.n_steps + 2 * self.interval) * n_envs
            raise ValueError(
                "`buffer_size` must hold a sequence of `burn_in` + `sequence_length` "
                f"steps of each environment; got {buffer_size} for {self.n_steps} "
                f"steps of {n_envs}. {fits} is enough."
            )
        self.buffer_size = size
        self.optimize_memory_usage = True  # in the way of this class
        self.handle_timeout_termination = handle_timeout_termination
        rings = size, n_envs
        self.observations: Any = each(
            lambda space, shape: np.zeros((*rings, *shape), dtype=space.dtype),
            getattr(observation_space, "spaces", observation_space),
            self.obs_shape,
        )
        dtype = self._maybe_cast_dtype(action_space.dtype)
        self.actions = np.zeros((*rings, self.action_dim), dtype=dtype)
        self.rewards = np.zeros(rings, dtype=np.float32)
        self.dones = np.zeros(rings, dtype=np.float32)
        self.timeouts = np.zeros(rings, dtype=np.float32)
        self.starts = np.zeros(rings, dtype=bool)
        self.states = None
        self._ends: dict[tuple[int, int], Any] = {}  # what was put aside, by its step

    @property
    def n_steps(self) -> int:
        """Steps of the longest sequences, the burn-in among them."""
        return self.burn_in + self.interval - 1 + self.sequence_length

    @property
    def n_sequences(self) -> int:
        """How many sequences can be sampled now, of all environments."""
        return max(
            (self.size() - self.n_steps - self._first) // self.interval + 1, 0
        ) * (self.n_envs)

    def begin(self, starts: np.ndarray, state: State) -> None:
        """Notes what is before the step that is added next.

        Args:
            starts: (n_envs,) true where an episode starts.
            state: that the step is met in, (n_envs, ...) each. Where an episode starts
                it counts for nothing.
        """
        self._told = self.pos
        if self.full or self.pos > 0:
            self._put_aside(np.flatnonzero(starts))
        self.starts[self.pos] = starts
        if self.pos % self.interval:
            return
        if self.states is None:
            grid = self.buffer_size // self.interval
            self.states = tuple(
                np.zeros((grid, *part.shape), part.cpu().numpy().dtype)
                for part in state
            )
        for kept, part in zip(self.states, state, strict=True):
            kept[self.pos // self.interval] = part.cpu().numpy()

    def add(
        self,
        obs: Any,
        next_obs: Any,
        action: np.ndarray,
        reward: np.ndarray,
        done: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        """Adds a step of each environment, of which `begin` has told.

        Raises:
            ValueError: it has not.
        """
        if self._told != self.pos:
            raise ValueError(
                "`begin(starts, state)` must be called before each `add`, and say "
                "where episodes start and in which state the step is met; got a step "
                "without. Where an episode starts any state will do, as those of "
                "`model.policy.initial_states(n_envs)`, all parts in a row."
            )
        self._told = None
        now, after = self.pos, (self.pos + 1) % self.buffer_size
        for place, observed in ((now, obs), (after, next_obs)):

            def put(ring: np.ndarray, part: Any, place: int = place) -> None:
                ring[place] = np.reshape(part, ring.shape[1:])

            each(put, self.observations, observed)
        self.starts[after] = False  # until `begin` says otherwise
        for env in range(self.n_envs if self._ends else 0):
            self._ends.pop((now, env), None)  # of the step that was here
        self.actions[now] = np.reshape(action, self.actions.shape[1:])
        self.rewards[now], self.dones[now] = reward, done
        if self.handle_timeout_termination:
            self.timeouts[now] = [i.get("TimeLimit.truncated", False) for i in infos]
        self.full, self.pos = self.full or after == 0, after

    def sample(  # type: ignore[override]  # sequences
        self, batch_size: int, env: VecNormalize | None = None
    ) -> Replayed:
        """Samples `batch_size // sequence_length` sequences, as `take` returns them.

        Raises:
            ValueError: there is none yet.
        """
        if not self.n_sequences:
            raise ValueError(
                f"The buffer must hold a sequence of {self.n_steps} steps before one "
                f"is sampled; got {self.size()} of each environment. Add more."
            )
        n_rows = batch_size // self.sequence_length
        numbers = np.random.randint(self.n_sequences, size=n_rows)
        return self.take(numbers, env, later=np.random.randint(self.interval))

    def take(
        self, numbers: np.ndarray, env: VecNormalize | None = None, *, later: int = 0
    ) -> Replayed:
        """Returns sequences by their numbers, below `n_sequences`.

        Args:
            numbers: (B,) which ones; the oldest come first.
            env: normalises observations and rewards, as it would now.
            later: steps that the burn-in is longer.
        """
        begins, envs = np.divmod(numbers, self.n_envs)
        oldest = self._first + (self.pos if self.full else 0)
        begins = (oldest + begins * self.interval) % self.buffer_size
        met = [kept[begins // self.interval, envs] for kept in self.states or ()]
        return replayed(self, begins, envs, met, self.burn_in + later, env)

    def end_of(self, place: int, env: int) -> Any:
        """Returns the last observation of an episode that was cut off after a step."""
        return self._ends[int(place), int(env)]

    @property
    def _first(self) -> int:
        """Steps from the oldest one to the first at which a sequence may start.

        The observation of the oldest one has given way to what the newest led to.
        """
        return self.interval - self.pos % self.interval if self.full else 0

    def _put_aside(self, envs: np.ndarray) -> None:
        """Keeps what the last step led to where another episode starts there."""
        last = (self.pos - 1) % self.buffer_size
        for env in envs:
            if not self.dones[last, env] or self.timeouts[last, env]:
                self._ends[last, int(env)] = each(
                    lambda ring, env=env: ring[self.pos, env].copy(), self.observations
                )


def check_length(name: str, length: Any, least: int) -> None:
    """Refuses what is no number of steps: ValueError."""
    if not isinstance(length, Integral) or length < least:
        raise ValueError(
            f"`{name}` must be a whole number of steps, {least} or more; got "
            f"{length!r}."
        )
