"""SAC that remembers: replayed sequences, any recurrent network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.utils import polyak_update
from torch import Tensor
from torch.nn import functional

from velora.sb3.memory.replayed import Replayed
from velora.sb3.memory.replaying import SequenceReplay
from velora.sb3.memory.sac_networks import Actor, Critic
from velora.sb3.memory.sac_policy import MemorySACNetworks
from velora.sb3.memory.sequences import State


class LiquidPolicy(MemorySACNetworks):
    """Liquid actor and critics with NCP wirings; see `MemorySACNetworks`."""

    default_network = "liquid"


class LSTMPolicy(MemorySACNetworks):
    """PyTorch's LSTM, 64 units, in actor and critics; see `MemorySACNetworks`."""

    default_network = "lstm"


class GRUPolicy(MemorySACNetworks):
    """PyTorch's GRU, 64 units, in actor and critics; see `MemorySACNetworks`."""

    default_network = "gru"


class MemorySAC(SequenceReplay, SAC):
    """Soft Actor-Critic with a policy that remembers.

        MemorySAC("LiquidPolicy", "Pendulum-v1").learn(30_000)

    As `stable_baselines3.SAC` (Haarnoja et al. 2018), whose arguments, losses and logs
    these are, but that a minibatch is of sequences, from the states that were met
    there. Actor, critics and their targets each go through the burn-in themselves. A
    state ends with its episode, and is not saved with the agent.

    Args:
        policy: "LiquidPolicy", "LSTMPolicy", "GRUPolicy", or a class like those.
        env: the environment, or its name.
        *args: as in `SequenceReplay`, and SAC's.
        **kwargs: as in `SequenceReplay`, and SAC's.

    Raises:
        TypeError: as `SequenceReplay`.
        ValueError: as `SequenceReplay`.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "LiquidPolicy": LiquidPolicy,
        "LSTMPolicy": LSTMPolicy,
        "GRUPolicy": GRUPolicy,
    }
    policy_family = MemorySACNetworks
    policy: MemorySACNetworks
    target_entropy: float  # once it is set up
    actor: Actor
    critic: Critic
    critic_target: Critic

    def train(self, gradient_steps: int, batch_size: int = 256) -> None:
        """Learns from sequences; see `SAC.train`."""
        if not self.replay_buffer.n_sequences:
            return
        self.policy.set_training_mode(True)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        if self.ent_coef_optimizer is not None:
            optimizers.append(self.ent_coef_optimizer)
        self._update_learning_rate(optimizers)
        trained = [
            [
                p
                for group in each.param_groups
                for p in group["params"]
                if p.requires_grad
            ]
            for each in optimizers
        ]
        logged: list[dict[str, float]] = []
        for step in range(gradient_steps):
            data = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            losses = self.losses(data)
            logged.append({name: loss.item() for name, loss in losses.items()})
            for optimizer, weights, loss in zip(
                optimizers, trained, losses.values(), strict=False
            ):
                optimizer.zero_grad()
                if weights:  # all may be frozen
                    loss.backward(inputs=weights)  # type: ignore[no-untyped-call]  # of PyTorch
                optimizer.step()
            if step % self.target_update_interval == 0:
                polyak_update(
                    self.critic.parameters(), self.critic_target.parameters(), self.tau
                )
                polyak_update(self.batch_norm_stats, self.batch_norm_stats_target, 1.0)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name in logged[0]:
            self.logger.record(
                f"train/{name}", np.mean([each[name] for each in logged])
            )

    def losses(self, data: Replayed) -> dict[str, Tensor]:
        """Returns the losses, all with the weights of now; no burn-in has a gradient.

        Returns:
            "actor_loss", "critic_loss", "ent_coef_loss" where that is learned, and
            "ent_coef" itself, in this order.
        """
        burn_in, n_columns = data.burn_in, data.n_columns
        ent_coef = self._ent_coef()
        pi, qf = self._after_burn_in(data)
        motor, _ = self.actor.over_time(*data.between(burn_in, None, copies=True), pi)
        targets = self._targets(data, motor[1:], ent_coef)
        actions, log_prob = self.actor.draw(motor[:-1, :n_columns])
        previous = data.previous[burn_in:-1, :n_columns]
        known, _ = self.critic.remember(*data.between(burn_in, -1), previous, qf)
        values = self.critic.values(known, data.actions)
        squares = functional.mse_loss(values, targets.expand_as(values))
        asked = self.critic.values(known.detach(), actions)
        losses = {
            "actor_loss": (ent_coef * log_prob - asked.amin(dim=0)).mean(),
            "critic_loss": 0.5 * len(values) * squares,
        }
        if self.log_ent_coef is not None:
            surprise = (log_prob + self.target_entropy).detach()
            losses["ent_coef_loss"] = -(self.log_ent_coef * surprise).mean()
        return losses | {"ent_coef": ent_coef}

    @torch.no_grad()
    def _after_burn_in(self, data: Replayed) -> tuple[State, list[State]]:
        """Returns the actor's state, of the copies too, and the critics', of none."""
        burn_in, n_columns = data.burn_in, data.n_columns
        pi, *qf = self.policy.split(data.states)
        qf = [tuple(part[:n_columns] for part in state) for state in qf]
        if burn_in:
            _, pi = self.actor.over_time(*data.between(0, burn_in, copies=True), pi)
            previous = data.previous[:burn_in, :n_columns]
            _, qf = self.critic.remember(*data.between(0, burn_in), previous, qf)
        return pi, qf

    @torch.no_grad()
    def _targets(self, data: Replayed, motor: Tensor, ent_coef: Tensor) -> Tensor:
        """Returns what the (L, B) steps that are learned from are worth.

        Args:
            data: the sequences.
            motor: (L, C, 2·A) motor neurons of the actor, each a step later.
            ent_coef: what entropy is worth.
        """
        _, *qf = self.policy.split(data.states)
        known, _ = self.critic_target.remember(
            data.observations, data.starts, data.previous, qf
        )
        actions, log_prob = self.actor.draw(motor)
        values = self.critic_target.values(known[:, data.burn_in + 1 :], actions)
        worth = data.following(values.amin(dim=0) - ent_coef * log_prob)
        return data.rewards + (1 - data.dones) * self.gamma * worth

    def _ent_coef(self) -> Tensor:
        """Returns what entropy is worth; it has no gradient."""
        if self.log_ent_coef is None:
            return self.ent_coef_tensor
        return self.log_ent_coef.detach().exp()

    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        actions = self._advance()
        if self.num_timesteps < learning_starts:
            actions = np.array([self.action_space.sample() for _ in range(n_envs)])
        scaled = self.policy.scale_action(actions)
        if action_noise is not None:
            scaled = np.clip(scaled + action_noise(), -1, 1)
        return self.policy.unscale_action(scaled), scaled
