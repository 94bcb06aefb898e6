"""PPO that remembers: whole sequences, any recurrent network, masks of actions."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import obs_as_tensor
from stable_baselines3.common.vec_env import VecEnv

from velora.sb3.memory.actor_step import step_of_now
from velora.sb3.memory.looking_back import Truncation, look_back
from velora.sb3.memory.masks import (
    check_offers_masks,
    choices,
    masks_of,
    offers_masks,
)
from velora.sb3.memory.policies import MemoryNetworks
from velora.sb3.memory.policy_argument import check_policy
from velora.sb3.memory.rollout import DictSequenceRollout, SequenceRollout
from velora.sb3.memory.sequences import States


class LiquidPolicy(MemoryNetworks):
    """Liquid actor and critic with NCP wirings; see `MemoryNetworks`."""

    default_network = "liquid"


class LSTMPolicy(MemoryNetworks):
    """PyTorch's LSTM, 64 units, in actor and critic; see `MemoryNetworks`."""

    default_network = "lstm"


class GRUPolicy(MemoryNetworks):
    """PyTorch's GRU, 64 units, in actor and critic; see `MemoryNetworks`."""

    default_network = "gru"


class MemoryPPO(PPO):
    """Proximal Policy Optimization of a policy that remembers.

        MemoryPPO("LiquidPolicy", "CartPole-v1").learn(100_000)

    As `stable_baselines3.PPO` (Schulman et al. 2017), whose arguments, losses and logs
    these are, but that a minibatch is of sequences: the networks go through each in one
    call, from the state that the rollout had there. Environments that have
    `action_masks()`, as for sb3-contrib's MaskablePPO, are asked before each step which
    actions are valid, also where they come by `load` or `set_env`;
    `policy_kwargs=dict(masked=False)` ignores it. A state ends with its episode, and is
    not saved with the agent.

    Args:
        policy: "LiquidPolicy", "LSTMPolicy", "GRUPolicy", or a class like those.
        env: the environment, or its name.
        learning_rate: or a schedule, by the progress remaining.
        n_steps: of each environment in a rollout.
        batch_size: steps of a minibatch, in `batch_size // sequence_length` sequences.
        n_epochs: passes over a rollout.
        *args: as PPO's.
        sequence_length: steps that gradients flow through; None is `n_steps`.
        **kwargs: as PPO's.

    Raises:
        TypeError: the policy is a class of another kind.
        ValueError: the policy is not known, `sequence_length` does not divide `n_steps`
            and `batch_size`, one of them is not from 1 on, or `rollout_buffer_class` is
            no `SequenceRollout`.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "LiquidPolicy": LiquidPolicy,
        "LSTMPolicy": LSTMPolicy,
        "GRUPolicy": GRUPolicy,
    }
    policy: MemoryNetworks
    rollout_buffer: SequenceRollout

    def __init__(
        self,
        policy: str | type[MemoryNetworks],
        env: GymEnv | str,
        learning_rate: float | Schedule = 3e-4,
        n_steps: int = 128,
        batch_size: int = 128,
        n_epochs: int = 10,
        *args: Any,
        sequence_length: int | None = None,
        **kwargs: Any,
    ) -> None:
        check_policy(type(self), policy, MemoryNetworks)
        _check_lengths(n_steps, batch_size, sequence_length)
        self.sequence_length = sequence_length
        self.masked = False  # not known before there is a policy
        self._states: States | None = None  # before the next step
        super().__init__(
            policy, env, learning_rate, n_steps, batch_size, n_epochs, *args, **kwargs
        )

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Chooses actions for observations; see `MemoryNetworks.predict`."""
        return self.policy.predict(
            observation, state, episode_start, deterministic, action_masks
        )

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Fills the rollout; see `OnPolicyAlgorithm.collect_rollouts`.

        Only the actor steps. What else is known of a step is computed afterwards, in
        one pass over all of them.

        Returns:
            False where the callback has stopped it; the episodes are given up then.
        """
        rollout, policy = self.rollout_buffer, self.policy
        policy.set_training_mode(False)
        if policy.masked:
            check_offers_masks(env)
        rollout.reset()
        if self.use_sde:
            policy.reset_noise(env.num_envs)
        callback.on_rollout_start()
        with torch.no_grad():
            first = self._states or policy.initial_states(env.num_envs)
        step, actor_state = step_of_now(policy.actor), first.pi
        unknown = torch.zeros(env.num_envs)  # values and log-probabilities, as yet
        truncations: list[Truncation] = []
        for n_steps in range(n_rollout_steps):
            if (
                self.use_sde
                and self.sde_sample_freq > 0
                and n_steps % self.sde_sample_freq == 0
            ):
                policy.reset_noise(env.num_envs)
            with torch.no_grad():  # masks are of before the step
                obs_tensor = obs_as_tensor(self._last_obs, self.device)  # type: ignore[arg-type]  # there is one
                given = masks_of(env) if policy.masked else None
                masks = policy.masks_of(obs_tensor, given)
                starts = torch.as_tensor(self._last_episode_starts, device=self.device)
                actions, actor_state = policy.act(
                    step, obs_tensor, actor_state, starts, masks
                )
            clipped_actions = policy.as_actions(actions)
            new_obs, rewards, dones, infos = env.step(clipped_actions)
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                self._last_obs = self._states = None
                return False
            self._update_info_buffer(infos, dones)
            for index in np.flatnonzero(dones):
                last = infos[index].get("terminal_observation")
                if last is not None and infos[index].get("TimeLimit.truncated", False):
                    truncations.append(Truncation(n_steps, int(index), last))
            if given is not None:
                rollout.masks[n_steps] = given
            rollout.add(
                self._last_obs,  # type: ignore[arg-type]  # as Stable-Baselines3 does
                actions.cpu().numpy(),
                rewards,
                self._last_episode_starts,  # type: ignore[arg-type]  # as above
                unknown,
                unknown,
            )
            self._last_obs, self._last_episode_starts = new_obs, dones  # type: ignore[assignment]  # as above
        self._states = look_back(policy, rollout, first, truncations)
        with torch.no_grad():
            obs_tensor = obs_as_tensor(new_obs, self.device)  # type: ignore[arg-type]  # as above
            values = policy.predict_values(obs_tensor, self._states)
        rollout.compute_returns_and_advantage(last_values=values, dones=dones)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _setup_model(self) -> None:
        check_policy(type(self), self.policy_class, MemoryNetworks)
        length = _check_lengths(self.n_steps, self.batch_size, self.sequence_length)
        is_dict = isinstance(self.observation_space, spaces.Dict)
        fitting = DictSequenceRollout if is_dict else SequenceRollout
        if self.rollout_buffer_class is None:
            self.rollout_buffer_class = fitting
        elif not issubclass(self.rollout_buffer_class, fitting):
            raise ValueError(
                f"`rollout_buffer_class` must be a {fitting.__name__}, which keeps "
                f"steps in their order; got {self.rollout_buffer_class.__name__}."
            )
        super()._setup_model()
        self.rollout_buffer.sequence_length = length
        self._look_for_masks()

    def set_env(self, env: GymEnv, force_reset: bool = True) -> None:
        """Takes other environments, and their masks; see `BaseAlgorithm.set_env`."""
        super().set_env(env, force_reset)
        if getattr(self, "policy", None) is not None:  # else it will be
            self._look_for_masks()

    def _look_for_masks(self) -> None:
        """Asks environments for masks from now on, if they have some and may."""
        self.masked = self.masked or self._is_masked()  # an agent once masked stays so
        self.policy.masked = self.masked
        if self.masked:
            self.rollout_buffer.n_choices = sum(choices(self.action_space))

    def _is_masked(self) -> bool:
        """Whether environments are asked for masks: if they have some, and may."""
        if "masked" in self.policy_kwargs or self.policy.mask_key is not None:
            return self.policy.masked
        return self.env is not None and offers_masks(self.env, self.action_space)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_states"]


def _check_lengths(n_steps: int, batch_size: int, sequence_length: int | None) -> int:
    """Returns how long sequences are; refuses lengths that do not fit: ValueError."""
    for name, size in (("n_steps", n_steps), ("batch_size", batch_size)):
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"`{name}` must be an integer from 1 on; got {size!r}.")
    length = n_steps if sequence_length is None else sequence_length
    is_whole = isinstance(length, Integral) and length >= 1
    if is_whole and n_steps % length == 0 and batch_size % length == 0:
        return length
    fits = math.gcd(n_steps, batch_size)
    raise ValueError(
        "`sequence_length` (None: n_steps) must divide `n_steps` and `batch_size`, as "
        f"a minibatch is of whole sequences; got {sequence_length}, {n_steps} and "
        f"{batch_size}. sequence_length={fits} fits, or batch_size={n_steps}."
    )
