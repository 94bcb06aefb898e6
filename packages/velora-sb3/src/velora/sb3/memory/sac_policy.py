"""The policy of SAC over networks that go through sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

from velora.sb3.common.network_defaults import ACTOR_Q_CRITIC
from velora.sb3.memory.actor_step import ActorStep
from velora.sb3.memory.q_body import check_head
from velora.sb3.memory.replay_policy import ReplayPolicy
from velora.sb3.memory.sac_networks import Actor, Critic
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.sb3.recurrent.timespans import timespans_of


class MemorySACNetworks(ReplayPolicy, SACPolicy):
    """Actor and critics go through sequences, from states; see `ReplayPolicy`.

    The actor's motor neurons are means and log deviations of the actions. A critic,
    which is not deployed, has dense layers after its memory; see `Critic`.

    Args:
        observation_space: of the environment.
        action_space: of the environment.
        lr_schedule: the learning-rate schedule, by the progress remaining.
        head: sizes of a critic's dense layers, one or more.
        **kwargs: as in `ReplayPolicy`, `n_neurons` with the roles "pi" and "qf".

    Raises:
        ValueError: `head` is no sizes, or none, or gSDE is asked for.
    """

    algorithm = "MemorySAC"
    roles = ("pi", "qf")
    family = ACTOR_Q_CRITIC

    actor: Any  # an `Actor`
    critic: Any  # a `Critic`, as its target

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        head: Sequence[int] = (128, 128),
        **kwargs: Any,
    ) -> None:
        if kwargs.get("use_sde"):
            raise ValueError("`use_sde` must be False with MemorySAC; got True.")
        self.head = check_head(head, least=1)
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that the policy thinks with: "pi", "qf0", "qf1", ..."""
        actor, *critics = self.bodies
        found: dict[str, Any] = {"pi": actor.network}
        return found | {f"qf{i}": body.network for i, body in enumerate(critics)}

    @property
    def bodies(self) -> list[RecurrentBody]:
        """The actor's network and the memories of the critics."""
        critics = [body.memory for body in self.critic.q_networks]
        return [self.actor.latent_pi, *critics]

    def make_actor(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes the actor, with a network for its dense layers."""
        actor: Any = super().make_actor(features_extractor)
        actor.timespan_key = self.timespan_key
        Actor.adopt(actor, self.choice)
        return actor.to(self.device)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> Any:
        """Makes critics, or their targets, with memories and heads."""
        critic: Any = super().make_critic(features_extractor)
        critic.timespan_key, critic.head = self.timespan_key, self.head
        Critic.adopt(critic, self.choice)
        return critic.to(self.device)

    def advance(
        self,
        steps: list[ActorStep],
        obs: PyTorchObs,
        states: list[State],
        starts: Tensor,
        previous: Tensor,
        deterministic: bool = False,
    ) -> tuple[Tensor, list[State]]:
        """Draws actions; see `ReplayPolicy.advance`."""
        times = timespans_of(obs, self.timespan_key)
        actor, critic = self.actor, self.critic
        features = actor.extract_features(obs, actor.features_extractor)
        motor, state = steps[0](features, states[0], starts, times)
        after = [state]
        if steps[1:]:
            features = critic.extract_features(obs, critic.features_extractor)
            inputs = torch.cat((features, previous), dim=1)
            for step, state in zip(steps[1:], states[1:], strict=True):
                after.append(step(inputs, state, starts, times)[1])
        return actor.choose(motor, deterministic), after

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"head": self.head}
