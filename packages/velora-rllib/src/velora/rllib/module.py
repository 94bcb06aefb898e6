"""The module of RLlib's new API stack that thinks with a registered network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import spaces
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI, ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor, nn

from velora.rllib.actions import distribution_of, n_motors
from velora.rllib.body import Body, without_padding
from velora.rllib.network_config import NetworkConfig, as_dict
from velora.rllib.observations import flat, n_features


class NetworkModule(TorchRLModule, InferenceOnlyAPI, ValueFunctionAPI):  # type: ignore[misc]  # Ray's classes are Any to mypy
    """Any network of the registry as actor and critic, for PPO of RLlib.

        config.rl_module(
            rl_module_spec=RLModuleSpec(
                module_class=NetworkModule,
                model_config=dict(network="liquid", n_neurons=64),
            )
        )

    `NetworkConfig` has the entries of `model_config`. Motor neurons are the actions:
    logits of choices, or means, beside which a learned standard deviation stands that
    no observation changes. Observations are flattened here.

    A network that remembers goes through sequences of `max_seq_len` steps, each from
    the state that it had there when its steps were taken. A recurrent critic steps
    along with the actor, so its weights are sent to the env runners as well; with
    critic="shared" or "feed-forward" they are not.

    Attributes:
        actor: the network that acts.
        critic: the network that values, None where the actor's does.
        log_std: of continuous actions, (A,), else None.

    Raises:
        ValueError: `model_config` says what no network can be made of, the observation
            space cannot be flattened, or RLlib samples no such actions.
        TypeError: the network's builder does not take its options.
    """

    model_config: Any
    actor: Body
    critic: Body | None
    log_std: nn.Parameter | None

    def setup(self) -> None:
        """Makes the networks; RLlib calls it, once."""
        config = NetworkConfig.of(self.model_config)
        n_inputs = n_features(self.observation_space)
        self._n_motors = n_motors(self.action_space)
        self.action_dist_cls = distribution_of(self.action_space)
        # RLlib cuts sequences by what a module says here, and has no default.
        length = config.max_seq_len
        self.model_config = {**as_dict(self.model_config), "max_seq_len": length}
        entry, critic = config.entry, config.critic_entry()
        n_outputs = self._n_motors + (critic is None)
        self.actor = Body(entry, n_inputs, n_outputs, config.of_network("pi", entry))
        self.critic = self.log_std = None
        self._critic_steps = False
        if critic is not None:
            its = config.of_network("vf", critic)
            self.critic = Body(critic, n_inputs, 1, its)
            self._critic_steps = critic.recurrent
        if self._critic_steps:
            self.inference_only = False  # its states are those of a rollout
        if isinstance(self.action_space, spaces.Box):
            start = torch.full((self._n_motors,), float(config.log_std_init))
            self.log_std = nn.Parameter(start)

    def get_non_inference_attributes(self) -> list[str]:
        """Returns what env runners do without: a critic that does not step."""
        return [] if self.critic is None or self._critic_steps else ["critic"]

    def get_initial_state(self) -> dict[str, dict[str, Tensor]]:
        """Returns the state before a first step, without a batch; empty without one."""
        return {
            role: {name: part[0] for name, part in state.items()}
            for role in self._stepping()
            if (state := getattr(self, role).initial_state(1))
        }

    def compute_values(
        self, batch: Mapping[str, Any], embeddings: Any = None
    ) -> Tensor:
        """Computes (B, T) values, or (B,) where nothing remembers.

        Args:
            batch: as RLlib's learner has it.
            embeddings: the values, where `forward_train` has them already.
        """
        if embeddings is not None:
            values: Tensor = embeddings
            return values
        role = "actor" if self.critic is None else "critic"
        y, _ = self._run(role, batch)
        return y[..., -1]

    def _forward(self, batch: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Goes a step, with all that must be remembered of it."""
        outputs, states = {}, {}
        for role in self._stepping():
            outputs[role], states[role] = self._run(role, batch)
        out = {Columns.ACTION_DIST_INPUTS: self._as_inputs(outputs["actor"])}
        return {**out, Columns.STATE_OUT: states} if states["actor"] else out

    def _forward_train(self, batch: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Goes through sequences; no state comes out, which padding would be in."""
        y, _ = self._run("actor", batch)
        out = {Columns.ACTION_DIST_INPUTS: self._as_inputs(y)}
        if self.critic is None:
            out[Columns.EMBEDDINGS] = y[..., -1]
        return out

    def _stepping(self) -> list[str]:
        """Returns the networks that go along while acting."""
        return ["actor", "critic"] if self._critic_steps else ["actor"]

    def _run(
        self, role: str, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Runs a network from the state that a batch has, or else the initial one."""
        x = flat(self.observation_space, batch[Columns.OBS])
        x = without_padding(x, batch.get(Columns.SEQ_LENS))
        state = batch.get(Columns.STATE_IN, {}).get(role)
        y, after = getattr(self, role)(x, state)
        return y, after

    def _as_inputs(self, y: Tensor) -> Tensor:
        """Returns the distribution's inputs of the actor's outputs."""
        motors = y[..., : self._n_motors]
        if self.log_std is None:
            return motors
        return torch.cat([motors, self.log_std.expand_as(motors)], dim=-1)
