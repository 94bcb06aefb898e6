"""Actors and critics of SAC that go through sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.sac import policies as sac
from torch import Tensor, nn

from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.parts import NetworkPart, Norm
from velora.sb3.memory.over_time import features_over_time, over_time
from velora.sb3.memory.q_body import QBody
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody


class Actor(NetworkPart, sac.Actor):
    """The actor: motor neurons are means and log deviations.

    Args:
        *args: what Stable-Baselines3's takes.
        timespan_key: name of the entry of observations with the timespans, or None.
        **kwargs: as in `NetworkPart`.
    """

    action_dist: Any  # a squashed Gaussian
    latent_pi: Any  # a `RecurrentBody`
    mu: Any
    log_std: Any
    timespan_key: str | None

    def __init__(
        self, *args: Any, timespan_key: str | None = None, **kwargs: Any
    ) -> None:
        self.timespan_key = timespan_key
        super().__init__(*args, **kwargs)

    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts a network in the place of the dense layers."""
        self.choice, self.norm = choice, norm
        self.latent_pi = RecurrentBody(
            choice.entry,
            self.features_dim,
            2 * get_action_dim(self.action_space),
            choice.options("pi"),
            timed=self.timespan_key is not None,
        )
        self.mu = self.log_std = nn.Identity()

    def over_time(
        self, obs: PyTorchObs, starts: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """Returns the (T, B, 2·A) motor neurons over sequences; see `over_time`."""
        return over_time(self, self.latent_pi, obs, starts, state)

    def draw(self, motor: Tensor) -> tuple[Tensor, Tensor]:
        """Draws (..., A) squashed actions; returns their (...) log-probabilities, too.

        Args:
            motor: (..., 2·A) motor neurons.
        """
        means, log_std = self._gaussian(motor.flatten(0, -2))
        actions, log_prob = self.action_dist.log_prob_from_params(means, log_std)
        return actions.view(*motor.shape[:-1], -1), log_prob.view(motor.shape[:-1])

    def choose(self, motor: Tensor, deterministic: bool) -> Tensor:
        """Returns (n_envs, A) squashed actions, drawn or the most likely ones."""
        means, log_std = self._gaussian(motor)
        chosen: Tensor
        chosen = self.action_dist.actions_from_params(means, log_std, deterministic)
        return chosen

    def _gaussian(self, motor: Tensor) -> tuple[Tensor, Tensor]:
        means, log_std = motor.chunk(2, dim=1)
        return means, log_std.clamp(sac.LOG_STD_MIN, sac.LOG_STD_MAX)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"timespan_key": self.timespan_key}
        return super()._get_constructor_parameters() | own


class Critic(NetworkPart, ContinuousCritic):
    """Critics with a memory each, and a head that values any action at a step.

    The memory has gone through the observations up to that step and the actions before
    it, the real ones; the head sees its outputs, the observation and the action that is
    valued (Ni et al. 2022, "Recurrent model-free RL can be a strong baseline for many
    POMDPs").

    Args:
        *args: what Stable-Baselines3's takes.
        timespan_key: name of the entry of observations with the timespans, or None.
        head: sizes of the dense layers.
        **kwargs: as in `NetworkPart`.
    """

    q_networks: list[Any]
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
        """Puts a memory and a head in the place of each critic's dense layer."""
        self.choice, self.norm = choice, norm
        n_inputs = self.features_extractor.features_dim + get_action_dim(
            self.action_space
        )
        for index in range(len(self.q_networks)):
            timed = self.timespan_key is not None
            body = QBody(choice, n_inputs, 1, self.head, timed=timed)
            self.q_networks[index] = body
            setattr(self, f"qf{index}", body)

    def remember(
        self, obs: PyTorchObs, starts: Tensor, previous: Tensor, states: list[State]
    ) -> tuple[Tensor, list[State]]:
        """Goes through sequences with all memories.

        Args:
            obs: (T, B, ...) observations, or a dict of such.
            starts: (T, B) booleans, true where an episode starts.
            previous: (T, B, A) the actions before.
            states: before the first step, of each memory.

        Returns:
            (n_critics, T, B, M + F) what heads see beside an action, and the states
            after the last step.
        """
        # A shared extractor is the actor's to train.
        is_own = torch.is_grad_enabled() and not self.share_features_extractor
        with torch.set_grad_enabled(is_own):
            features, times = features_over_time(self, obs, starts)
        inputs = torch.cat((features, previous), dim=2)
        known, after = [], []
        for body, state in zip(self.q_networks, states, strict=True):
            outputs, state, _ = body.memory.forward_sequence(
                inputs, state, resets=starts, timespans=times
            )
            known.append(torch.cat((outputs, features), dim=2))
            after.append(state)
        return torch.stack(known), after

    def values(self, known: Tensor, actions: Tensor) -> Tensor:
        """Returns the (n_critics, T, B) values of (T, B, A) actions."""
        found = [
            body.values(part, actions)[..., 0]
            for body, part in zip(self.q_networks, known, strict=True)
        ]
        return torch.stack(found)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        data = super()._get_constructor_parameters()
        return data | {
            "net_arch": [],
            "features_extractor": self.features_extractor,
            "features_dim": self.features_extractor.features_dim,
            "n_critics": self.n_critics,
            "share_features_extractor": self.share_features_extractor,
            "timespan_key": self.timespan_key,
            "head": self.head,
        }
