"""What the steps of a rollout are worth, and how likely they were, in one pass."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch

from velora.sb3.memory.rollout import SequenceRollout
from velora.sb3.memory.sequences import State, States
from velora.sb3.memory.thinking import ThinkingPolicy


class Truncation(NamedTuple):
    """An episode that was cut off: its value goes on.

    Attributes:
        step: of the rollout, after which it was cut.
        env: the environment's index.
        observation: the last one, which is no step of the rollout.
    """

    step: int
    env: int
    observation: Any


@torch.no_grad()
def look_back(
    policy: ThinkingPolicy,
    rollout: SequenceRollout,
    states: States,
    truncations: list[Truncation],
) -> States:
    """Fills in values, log-probabilities and the states before each chunk.

    The reward of a step after which an episode was cut off gets the discounted value of
    its last observation, from the state of that episode.

    Args:
        policy: as it acted.
        rollout: with observations, actions, rewards and starts of all steps.
        states: before the first step.
        truncations: in the order of their steps.

    Returns:
        The states after the last step.
    """
    cuts = set(range(0, rollout.buffer_size + 1, rollout.sequence_length))
    cuts |= {cut.step + 1 for cut in truncations}
    for start, stop in pairwise(sorted(cuts)):
        if start % rollout.sequence_length == 0:
            rollout.chunk_states.append(states)
        distribution, values, states = policy.think(
            rollout.between(start, stop, states)
        )
        actions = torch.as_tensor(rollout.actions[start:stop]).flatten(0, 1).float()
        log_probs = policy.log_prob(distribution, actions.to(values.device))
        shape = stop - start, rollout.n_envs
        rollout.values[start:stop] = values.view(shape).float().cpu().numpy()
        rollout.log_probs[start:stop] = log_probs.view(shape).float().cpu().numpy()
        for cut in truncations:
            if cut.step == stop - 1:
                worth = _value(policy, cut, states)
                rollout.rewards[cut.step, cut.env] += rollout.gamma * worth
    return states


def _value(policy: ThinkingPolicy, cut: Truncation, states: States) -> float:
    """Returns the value of an episode's last observation, in its state."""
    obs, _ = policy.obs_to_tensor(cut.observation)
    alone = States(*(_row(state, cut.env) for state in states))
    return float(policy.predict_values(obs, alone))


def _row(state: State, env: int) -> State:
    return tuple(part[env : env + 1] for part in state)
