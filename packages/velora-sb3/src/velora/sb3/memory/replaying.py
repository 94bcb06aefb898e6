"""What algorithms with memory share that learn from replayed sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import RolloutReturn
from stable_baselines3.common.utils import obs_as_tensor

from velora.sb3.memory.actor_step import ActorStep
from velora.sb3.memory.policy_argument import check_policy
from velora.sb3.memory.replay import SequenceReplayBuffer, check_length
from velora.sb3.memory.replay_policy import ReplayPolicy
from velora.sb3.memory.sequences import State


class SequenceReplay(OffPolicyAlgorithm):
    """Carries states while it collects, and replays sequences that start from them.

    It stands before an algorithm of Stable-Baselines3 among the bases, and calls
    `_advance` where that one would predict.

    Args:
        policy: a name, or a class of policies.
        *args: as the algorithm's; `batch_size` counts steps, in `batch_size //
            sequence_length` sequences.
        sequence_length: steps that gradients flow through.
        burn_in: steps before them, or more, which bring the state that was met there up
            to date.
        **kwargs: as the algorithm's.

    Raises:
        TypeError: the policy is a class of another kind.
        ValueError: the policy is not known, `sequence_length` does not divide
            `batch_size`, `n_steps` is not 1, or `replay_buffer_class` is no
            `SequenceReplayBuffer`.
    """

    policy_family: type[ReplayPolicy]
    policy: ReplayPolicy
    replay_buffer: SequenceReplayBuffer

    def __init__(
        self,
        policy: str | type[ReplayPolicy],
        *args: Any,
        sequence_length: int = 16,
        burn_in: int = 20,
        **kwargs: Any,
    ) -> None:
        check_policy(type(self), policy, self.policy_family)
        self.sequence_length, self.burn_in = sequence_length, burn_in
        self._states: list[State] | None = None  # before the next step
        self._steps: list[ActorStep] = []
        self._previous: torch.Tensor | None = None  # actions
        super().__init__(policy, *args, **kwargs)

    def collect_rollouts(self, *args: Any, **kwargs: Any) -> RolloutReturn:
        """Collects steps with the weights of now; see `OffPolicyAlgorithm`.

        A step at which the callback has stopped is given up, and so are its episodes.
        """
        self._steps = self.policy.steps_of_now()
        collected = super().collect_rollouts(*args, **kwargs)
        if not collected.continue_training:
            self._last_obs = None
        return collected

    def load_replay_buffer(self, path: Any, truncate_last_traj: bool = True) -> None:
        """Loads a replay buffer that `save_replay_buffer` has saved.

        An episode that goes on starts anew for what is remembered, as no step of the
        buffer leads to the next one.

        Raises:
            ValueError: it is no `SequenceReplayBuffer`, one of other lengths, or of
                states of other shapes than the networks have.
        """
        mine = self.replay_buffer
        super().load_replay_buffer(path, truncate_last_traj)
        loaded, self.replay_buffer = self.replay_buffer, mine
        _check_buffer_class(type(loaded), "The replay buffer")
        for name in ("sequence_length", "burn_in", "n_envs"):
            if getattr(loaded, name) != getattr(mine, name):
                raise ValueError(
                    f"The replay buffer must have `{name}` {getattr(mine, name)}, as "
                    f"the algorithm; got {getattr(loaded, name)}."
                )
        if loaded.states is not None:
            states = self.policy.initial_states(1)
            own = [tuple(part.shape[1:]) for state in states for part in state]
            kept = [part.shape[2:] for part in loaded.states]
            if own != kept:
                raise ValueError(
                    f"The replay buffer must hold states of the shapes {own}, as the "
                    f"networks have them; got {kept}. Load it into an agent of the "
                    "sizes that it was saved with."
                )
        self.replay_buffer = loaded
        self._states = None

    def _advance(self) -> np.ndarray:
        """Notes what is before the next step, and goes it; returns the actions."""
        n_envs = self.env.num_envs  # type: ignore[union-attr]  # there is one
        starts = torch.as_tensor(self._last_episode_starts, device=self.device)
        with torch.no_grad():
            if self._states is None:
                self._states = self.policy.initial_states(n_envs)
                starts = torch.ones_like(starts)
            parts = tuple(part for state in self._states for part in state)
            self.replay_buffer.begin(starts.cpu().numpy(), parts)
            actions, self._states = self.policy.advance(
                self._steps,
                obs_as_tensor(self._last_obs, self.device),  # type: ignore[arg-type]  # as above
                self._states,
                starts,
                self._before(starts),
            )
        return self.policy.as_actions(actions)

    def _before(self, starts: torch.Tensor) -> torch.Tensor:
        """Returns the (n_envs, A) actions before; zeros where an episode starts."""
        size = len(starts), self.replay_buffer.action_dim
        if self._previous is None:
            return torch.zeros(size, device=self.device)
        return self._previous.masked_fill(starts[:, None], 0)

    def _store_transition(
        self, replay_buffer: Any, buffer_action: np.ndarray, *args: Any
    ) -> None:
        super()._store_transition(replay_buffer, buffer_action, *args)
        dones = args[2]
        self._last_episode_starts = dones
        actions = torch.as_tensor(buffer_action, dtype=torch.float32)
        self._previous = actions.view(len(dones), -1).to(self.device)

    def _setup_model(self) -> None:
        check_policy(type(self), self.policy_class, self.policy_family)
        length = self.sequence_length
        check_length("sequence_length", length, 1)
        if self.batch_size % length:
            raise ValueError(
                "`sequence_length` must divide `batch_size`, as a minibatch is of "
                f"whole sequences; got {length} and {self.batch_size}. "
                f"batch_size={max(self.batch_size // length, 1) * length} fits."
            )
        if self.n_steps != 1:
            raise ValueError(
                f"`n_steps` must be 1 for {type(self).__name__}, which learns from "
                f"each step of a sequence; got {self.n_steps}."
            )
        if self.replay_buffer_class is None:
            self.replay_buffer_class = SequenceReplayBuffer
        _check_buffer_class(self.replay_buffer_class, "`replay_buffer_class`")
        lengths = {"sequence_length": length, "burn_in": self.burn_in}
        self.replay_buffer_kwargs = self.replay_buffer_kwargs | lengths
        # The buffer keeps each observation once as it is, and cuts no episode for that.
        self.optimize_memory_usage = False
        super()._setup_model()

    def _excluded_save_params(self) -> list[str]:
        own = ["_states", "_steps", "_previous"]
        return [*super()._excluded_save_params(), *own]


def _check_buffer_class(kind: type[Any], what: str) -> None:
    if not issubclass(kind, SequenceReplayBuffer):
        raise ValueError(
            f"{what} must be a SequenceReplayBuffer, which keeps steps in their order "
            f"and the states that were met; got {kind.__name__}."
        )
