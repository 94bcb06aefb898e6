"""One step of an actor, as fast as its network allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn.bare import are_bare
from velora.models.protocol import parts
from velora.sb3.memory.sequences import State
from velora.sb3.recurrent.recurrent_body import RecurrentBody

ActorStep = Callable[[Tensor, State, Tensor, Tensor | None], tuple[Tensor, State]]
"""Takes (B, F) features, a state, (B,) starts of episodes and (B,) or (B, 1) timespans,
if any; returns (B, O) outputs and the state after."""


def live_step(body: RecurrentBody) -> ActorStep:
    """Returns the step of a network with the weights of whenever it is called."""

    def step(
        features: Tensor, state: State, starts: Tensor, timespans: Tensor | None
    ) -> tuple[Tensor, State]:
        outputs, after, _ = body(features, state, starts, timespans)
        return outputs, after

    return step


def step_of_now(body: RecurrentBody) -> ActorStep:
    """Returns the step with the weights of now, for a rollout; an update outdates it.

    It is the network's `frozen_step` where it has one and nothing is hooked to it: a
    hook would not see what goes on there.
    """
    network: Any = body.network
    if not hasattr(network, "frozen_step") or _is_hooked(body):
        return live_step(body)
    try:
        frozen = network.frozen_step()
    except ValueError:  # of one that normalises, which no snapshot follows
        return live_step(body)
    return _frozen_step(body, frozen)


def _frozen_step(body: RecurrentBody, frozen: Callable[..., Any]) -> ActorStep:
    def step(
        features: Tensor, state: State, starts: Tensor, timespans: Tensor | None
    ) -> tuple[Tensor, State]:
        batch = len(features)
        if starts.any():
            state = tuple(
                torch.where(starts.view(batch, *[1] * (old.dim() - 1)), first, old)
                for first, old in zip(body.initial_state(batch), state, strict=True)
            )
        times = () if timespans is None else (timespans,)
        outputs, after = frozen(features, body.as_given(state), *times)
        return outputs.reshape(batch, -1), parts(after)  # of one row it may be flat

    return step


def _is_hooked(body: nn.Module) -> bool:
    return not all(are_bare(type(part).forward, part) for part in body.modules())
