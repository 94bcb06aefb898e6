"""An action for an observation, as a module that can be recorded: a class a family."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from velora.models.modules.base import RecurrentModule
from velora.models.protocol import parts, takes
from velora.onnx.description import MASKS, STARTS, Masks
from velora.onnx.exporter.ports import remembered
from velora.onnx.port import Port
from velora.sb3.memory.actor_step import live_step
from velora.sb3.memory.masks import choices
from velora.sb3.memory.policies import MemoryNetworks
from velora.sb3.memory.replay_policy import ReplayPolicy
from velora.sb3.recurrent.recurrent_body import RecurrentBody

State = tuple[Tensor, ...]
Arrays = tuple[np.ndarray, ...]


class Acting(nn.Module):
    """From inputs by name to the actions and what is remembered then.

    Args:
        policy: of Stable-Baselines3, or what acts in its place.

    Attributes:
        states: what is remembered.
        masks: of actions, or None.
        normalise: makes of an environment's observations those of the policy.
        names: of the inputs, in their order.
        keys: of observations, by input.
    """

    states: tuple[Port, ...] = ()
    masks: Masks | None = None
    names: Sequence[str] = ()

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy
        self.normalise: nn.Module = nn.Identity()
        self.keys: dict[str, str | None] = {}

    @abstractmethod
    def choose(
        self, obs: Any, state: State, starts: Tensor | None, masks: Tensor | None
    ) -> tuple[Tensor, State]:
        """Goes one step.

        Args:
            obs: (B, ...) observations as the policy takes them.
            state: before it, each part with the batch first.
            starts: (B,) booleans, true where an episode starts, if there is a state.
            masks: (B, choices) booleans, if they are said beside the observations.

        Returns:
            (B, ...) actions as the policy's distribution has them, and the state after.
        """

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns the actions as the environment takes them, and the state after."""
        given = dict(zip(self.names, inputs, strict=True))
        obs: Any = {key: given[name] for name, key in self.keys.items()}
        if None in obs:
            obs = obs[None]
        actions, after = self.choose(
            self.normalise(obs),
            tuple(given[port.name] for port in self.states),
            given.get(STARTS),
            given.get(MASKS),
        )
        return self.as_taken(actions), *after

    def as_in_file(self, state: Arrays) -> Arrays:
        """Returns a state of the model's `predict` as the file has it."""
        return state

    def as_taken(self, actions: Tensor) -> Tensor:
        """Returns actions as the environment takes them, within its bounds."""
        space = self.policy.action_space
        actions = actions.reshape(-1, *(space.shape or ()))
        if not isinstance(space, spaces.Box):
            return actions.to(getattr(torch, str(space.dtype)))
        low, high = (
            torch.as_tensor(bound, device=actions.device)
            for bound in (space.low, space.high)
        )
        if self.policy.squash_output:
            # onnxruntime's tanh may go a rounding beyond 1, and so would the action.
            actions = low + 0.5 * (actions + 1.0) * (high - low)
        actions = torch.minimum(torch.maximum(actions, low), high)
        return actions if space.dtype == "float64" else actions.float()


class Stateless(Acting):
    """A policy that remembers nothing, of any algorithm."""

    def __init__(self, policy: Any) -> None:
        super().__init__(policy)
        if takes(policy._predict, MASKS):
            self.masks = Masks(tuple(choices(policy.action_space)))

    def choose(self, obs: Any, _: State, __: Any, masks: Any) -> tuple[Tensor, State]:
        """Asks what `predict` asks."""
        options = {} if self.masks is None else {MASKS: masks}
        return self.policy._predict(obs, deterministic=True, **options), ()


class Carried(Acting):
    """A policy over networks whose state RecurrentPPO carries."""

    def __init__(self, policy: Any) -> None:
        super().__init__(policy)
        body: RecurrentBody = policy.lstm_actor
        self.states = remembered(body.shapes, body.dtypes)

    def choose(self, obs: Any, state: State, starts: Any, _: Any) -> Any:
        """Goes one step with the actor alone."""
        return self.policy.act(obs, state, starts, deterministic=True)


class Thinking(Acting):
    """A policy of MemoryPPO."""

    policy: MemoryNetworks

    def __init__(self, policy: MemoryNetworks) -> None:
        super().__init__(policy)
        self.states = remembered(policy.actor.shapes, policy.actor.dtypes)
        if policy.mask_key is not None or policy.masked:
            counts = tuple(choices(policy.action_space))
            self.masks = Masks(counts, policy.masked, policy.mask_key)

    def choose(self, obs: Any, state: State, starts: Any, masks: Any) -> Any:
        """Goes one step with the actor alone."""
        if self.policy.mask_key is not None:
            masks = obs[self.policy.mask_key] != 0
        step = live_step(self.policy.actor)
        return self.policy.act(step, obs, state, starts, masks, deterministic=True)


class Replaying(Acting):
    """A policy of MemorySAC or MemoryDQN."""

    policy: ReplayPolicy

    def __init__(self, policy: ReplayPolicy) -> None:
        super().__init__(policy)
        acting = policy.bodies[0]
        self.states = remembered(acting.shapes, acting.dtypes)

    def choose(self, obs: Any, state: State, starts: Any, _: Any) -> Any:
        """Goes one step with the network that acts alone."""
        return self.policy.act(obs, state, starts, deterministic=True)


class Lstm(Acting):
    """A policy of sb3-contrib's RecurrentPPO with its own LSTM."""

    def __init__(self, policy: Any) -> None:
        super().__init__(policy)
        lstm: nn.LSTM = policy.lstm_actor
        shape = lstm.num_layers, lstm.hidden_size
        self.states = remembered([shape] * 2, [torch.float32] * 2)

    def choose(self, obs: Any, state: State, starts: Any, _: Any) -> Any:
        """Goes one step; the state is forgotten here, where no value is looked at."""
        kept = (part.masked_fill(starts[:, None, None], 0) for part in state)
        packed = tuple(part.transpose(0, 1) for part in kept)  # (layers, B, H)
        never = torch.zeros_like(starts, dtype=torch.float32)
        actions, after = self.policy._predict(obs, packed, never, True)
        return actions, tuple(part.transpose(0, 1) for part in after)

    def as_in_file(self, state: Arrays) -> Arrays:
        """Puts the environments before the layers."""
        return tuple(np.ascontiguousarray(part.swapaxes(0, 1)) for part in state)


class ModuleAlone(nn.Module):
    """A recurrent module of `velora.models`, called as a network is.

    Args:
        module: whose network computes, and whose projection says.
    """

    def __init__(self, module: RecurrentModule) -> None:
        super().__init__()
        self.network, self.proj = module.network, module.proj
        self.in_features, self.out_features = module.input_size, module.output_size
        self.train(module.training)

    def initial_state(self, batch_size: int) -> Any:
        """Returns the state before a first step."""
        return self.network.initial_state(batch_size)

    def forward_sequence(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Returns the (T, B, O) outputs, and the state after them."""
        outputs, after = self.network.forward_sequence(x, state)
        return self.proj(outputs), after


class NetworkAlone(Acting):
    """A network without a policy: its inputs are observed, and its outputs are acted.

    Args:
        network: with `in_features` and `out_features`.
    """

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        self.is_recurrent = hasattr(network, "initial_state")
        if self.is_recurrent:
            state = parts(network.initial_state(1))
            self.states = remembered(
                [tuple(part.shape[1:]) for part in state],
                [part.dtype for part in state],
            )

    def choose(self, obs: Any, state: State, starts: Any, _: Any) -> Any:
        """Goes one step."""
        if not self.is_recurrent:
            return self.policy(obs), ()
        first = parts(self.policy.initial_state(obs.shape[0]))
        now = tuple(
            torch.where(starts.view(-1, *[1] * (old.dim() - 1)), new, old)
            for new, old in zip(first, state, strict=True)
        )
        is_tuple = isinstance(self.policy.initial_state(1), tuple)
        outputs, after = self.policy.forward_sequence(
            obs[None], now if is_tuple else now[0]
        )
        return outputs[0], parts(after)

    def as_taken(self, actions: Tensor) -> Tensor:
        """Returns the outputs, whose batch a network may drop where it is one row."""
        return actions.reshape(-1, self.policy.out_features)


def acting_of(policy: Any) -> Acting:
    """Returns a policy as a module that can be recorded."""
    body = getattr(policy, "lstm_actor", None)
    if isinstance(policy, MemoryNetworks):
        return Thinking(policy)
    if isinstance(policy, ReplayPolicy):
        return Replaying(policy)
    if isinstance(body, RecurrentBody):
        return Carried(policy)
    return Lstm(policy) if isinstance(body, nn.LSTM) else Stateless(policy)
