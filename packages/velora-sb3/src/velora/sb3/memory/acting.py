"""How a policy with memory acts for who deploys it: one step, from array to array."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.state_policy import StatePolicy

OneStep = Callable[[PyTorchObs, State, Tensor], tuple[Tensor, State]]
"""Takes (n_envs, ...) observations, a state and (n_envs,) starts of episodes; returns
actions and the state after."""


class ActingPolicy(StatePolicy):
    """Takes and returns the state of the network that acts; see `StatePolicy`."""

    def act_from(
        self,
        body: RecurrentBody,
        step: OneStep,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None,
        episode_start: np.ndarray | None,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Chooses actions for observations.

        Args:
            body: the network that acts.
            step: one step of the policy with it.
            observation: of one environment, or of several.
            state: what the last call returned; None starts from the beginning.
            episode_start: (n_envs,), true where an episode starts now, so that the
                state is forgotten; None where none does.

        Returns:
            actions: of each environment.
            state: of the network, a tuple of arrays with the environments first.

        Raises:
            ValueError: an argument has another shape.
        """
        self.set_training_mode(False)
        obs, is_batch = self.obs_to_tensor(observation)
        n_envs = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
        starts = np.zeros(n_envs) if episode_start is None else episode_start
        if np.shape(starts) != (n_envs,):
            raise ValueError(
                f"`episode_start` must have shape (n_envs,) = ({n_envs},); got "
                f"{np.shape(starts)}."
            )
        with torch.no_grad():
            actions, after = step(
                obs,
                body.initial_state(n_envs)
                if state is None
                else body.from_arrays(state, n_envs, self.device),
                torch.as_tensor(starts, dtype=torch.bool, device=self.device),
            )
        chosen = self.as_actions(actions)
        return chosen if is_batch else chosen[0], tuple(p.cpu().numpy() for p in after)

    def as_actions(self, actions: Tensor) -> np.ndarray:
        """Returns actions as an environment takes them, within its bounds."""
        chosen: np.ndarray = actions.cpu().numpy()
        chosen = chosen.reshape(-1, *(self.action_space.shape or ()))
        if not isinstance(self.action_space, spaces.Box):
            return chosen
        if self.squash_output:
            return self.unscale_action(chosen)
        return chosen.clip(self.action_space.low, self.action_space.high)
