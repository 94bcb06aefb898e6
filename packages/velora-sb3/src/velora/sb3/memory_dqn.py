"""DQN that remembers: replayed sequences, any recurrent network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.policies import BasePolicy
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from velora.sb3.memory.q_networks import MemoryQNetworks, QNetwork
from velora.sb3.memory.replayed import Replayed
from velora.sb3.memory.replaying import SequenceReplay


class LiquidPolicy(MemoryQNetworks):
    """A liquid Q-network with an NCP wiring; see `MemoryQNetworks`."""

    default_network = "liquid"


class LSTMPolicy(MemoryQNetworks):
    """PyTorch's LSTM, 64 units, as the Q-network; see `MemoryQNetworks`."""

    default_network = "lstm"


class GRUPolicy(MemoryQNetworks):
    """PyTorch's GRU, 64 units, as the Q-network; see `MemoryQNetworks`."""

    default_network = "gru"


class MemoryDQN(SequenceReplay, DQN):
    """Deep Q-Network with a policy that remembers.

        MemoryDQN("LiquidPolicy", "CartPole-v1").learn(100_000)

    As `stable_baselines3.DQN` (Mnih et al. 2015), whose arguments, losses and logs
    these are, but that a minibatch is of sequences, from the states that were met
    there, as in R2D2 (Kapturowski et al. 2019). The Q-network and its target each go
    through the burn-in themselves. A state ends with its episode, and is not saved with
    the agent.

    Args:
        policy: "LiquidPolicy", "LSTMPolicy", "GRUPolicy", or a class like those.
        env: the environment, or its name.
        *args: as in `SequenceReplay`, and DQN's.
        **kwargs: as in `SequenceReplay`, and DQN's.

    Raises:
        TypeError: as `SequenceReplay`.
        ValueError: as `SequenceReplay`.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "LiquidPolicy": LiquidPolicy,
        "LSTMPolicy": LSTMPolicy,
        "GRUPolicy": GRUPolicy,
    }
    policy_family = MemoryQNetworks
    policy: MemoryQNetworks
    q_net: QNetwork
    q_net_target: QNetwork

    def train(self, gradient_steps: int, batch_size: int = 256) -> None:
        """Learns from sequences; see `DQN.train`."""
        if not self.replay_buffer.n_sequences:
            return
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = []
        for _ in range(gradient_steps):
            data = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            loss = self.loss(data)
            losses.append(loss.item())
            self.policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # of PyTorch
            clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", np.mean(losses))

    def loss(self, data: Replayed) -> torch.Tensor:
        """Returns how far Q-values are from what was met; no burn-in has a gradient."""
        burn_in, n_columns = data.burn_in, data.n_columns
        with torch.no_grad():
            next_values, _ = self.q_net_target.over_time(
                data.observations, data.starts, data.states
            )
            worth = data.following(next_values.amax(dim=2))
            targets = data.rewards + (1 - data.dones) * self.gamma * worth
            state = tuple(part[:n_columns] for part in data.states)
            if burn_in:
                _, state = self.q_net.over_time(*data.between(0, burn_in), state)
        values, _ = self.q_net.over_time(*data.between(burn_in, -1), state)
        chosen = values.gather(2, data.actions.long())[..., 0]
        return functional.smooth_l1_loss(chosen, targets)

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Chooses actions, sometimes by chance; see `MemoryQNetworks.predict`.

        The state goes on whatever is chosen.
        """
        actions, after = self.policy.predict(observation, state, episode_start)
        if not deterministic and np.random.rand() < self.exploration_rate:
            actions = self._by_chance(actions)
        return actions, after

    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        actions = self._advance()
        if (
            self.num_timesteps < learning_starts
            or np.random.rand() < self.exploration_rate
        ):
            actions = self._by_chance(actions)
        return actions, actions

    def _by_chance(self, actions: np.ndarray) -> np.ndarray:
        """Returns as many actions, drawn at random."""
        drawn = [self.action_space.sample() for _ in range(actions.size)]
        return np.array(drawn).reshape(actions.shape)
