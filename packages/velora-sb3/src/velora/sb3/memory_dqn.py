"""DQN that remembers: replayed sequences, any recurrent network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor
from torch.nn import functional

from velora.sb3.memory.dqn_policy import MemoryDQNNetworks
from velora.sb3.memory.q_network import QNetwork
from velora.sb3.memory.replayed import Replayed
from velora.sb3.memory.replaying import SequenceReplay


class LiquidPolicy(MemoryDQNNetworks):
    """A liquid Q-network with an NCP wiring; see `MemoryDQNNetworks`."""

    default_network = "liquid"


class LSTMPolicy(MemoryDQNNetworks):
    """PyTorch's LSTM, 64 units, in the Q-network; see `MemoryDQNNetworks`."""

    default_network = "lstm"


class GRUPolicy(MemoryDQNNetworks):
    """PyTorch's GRU, 64 units, in the Q-network; see `MemoryDQNNetworks`."""

    default_network = "gru"


class MemoryDQN(SequenceReplay, DQN):
    """Deep Q-Network with a policy that remembers.

        MemoryDQN("LiquidPolicy", "CartPole-v1").learn(50_000)

    As `stable_baselines3.DQN` (Mnih et al. 2015), whose arguments, loss and logs these
    are, but that a minibatch is of sequences, from the states that were met there
    (Hausknecht & Stone 2015, "Deep recurrent Q-learning for partially observable
    MDPs"). The Q-network and its target each go through the burn-in themselves. Actions
    by chance bring the state on as any others. A state ends with its episode, and is
    not saved with the agent.

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
    policy_family = MemoryDQNNetworks
    policy: MemoryDQNNetworks
    q_net: QNetwork
    q_net_target: QNetwork

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
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
            torch.nn.utils.clip_grad_norm_(self.q_net.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", np.mean(losses))

    def loss(self, data: Replayed) -> Tensor:
        """Returns the loss with the weights of now; the burn-in has no gradient."""
        burn_in = data.burn_in
        state = tuple(part[: data.n_columns] for part in data.states)
        if burn_in:
            with torch.no_grad():
                _, state = self.q_net.over_time(
                    *data.between(0, burn_in), state, valued_from=burn_in
                )
        values, _ = self.q_net.over_time(*data.between(burn_in, -1), state)
        taken = values.gather(2, data.actions.long())[..., 0]
        return functional.smooth_l1_loss(taken, self._targets(data))

    @torch.no_grad()
    def _targets(self, data: Replayed) -> Tensor:
        """Returns what the (L, B) steps that are learned from are worth."""
        values, _ = self.q_net_target.over_time(
            data.observations,
            data.starts,
            data.states,
            valued_from=data.burn_in + 1,
        )
        worth = data.following(values.amax(dim=2))
        return data.rewards + (1 - data.dones) * self.gamma * worth

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Chooses actions for observations; see `ReplayPolicy.predict`.

        Those by chance, unless it is `deterministic`, bring the state on as well.
        """
        actions, after = self.policy.predict(
            observation, state, episode_start, deterministic
        )
        return actions if deterministic else self._explored(actions), after

    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        actions = self._advance()
        if self.num_timesteps < learning_starts:
            actions = self._random(actions)
        else:
            actions = self._explored(actions)
        return actions, actions

    def _explored(self, actions: np.ndarray) -> np.ndarray:
        """Returns the actions or, at the rate of exploration, others for all."""
        if np.random.rand() < self.exploration_rate:
            return self._random(actions)
        return actions

    def _random(self, actions: np.ndarray) -> np.ndarray:
        """Returns random actions, as many as there are."""
        drawn = [self.action_space.sample() for _ in range(actions.size)]
        return np.array(drawn).reshape(actions.shape)
