"""MemoryPPO learns what RecurrentPPO does, however it is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from memory_agents import ragged
from recurrent_agents import TIMED
from sb3_contrib import RecurrentPPO

from velora.sb3 import MemoryPPO, networks_of

N_STEPS, N_ENVS = 12, 3
# RecurrentPPO cuts one sequence in two, at a step that NumPy draws: with this seed at
# the first step, where a sequence starts anyway.
NO_CUT = next(
    seed
    for seed in range(1000)
    if np.random.RandomState(seed).randint(N_STEPS * N_ENVS) == 0
)


def make(kind: Any, options: dict[str, Any], actions: str) -> Any:
    return kind(
        "LiquidPolicy",
        ragged(TIMED, actions, N_ENVS),
        n_steps=N_STEPS,
        batch_size=N_STEPS * N_ENVS,
        n_epochs=1,
        ent_coef=0.01,
        learning_rate=1e-2,
        seed=1,
        device="cpu",
        policy_kwargs={"n_neurons": 12, "timespan_key": "dt"} | options,
    )


def rollouts_of(model: Any) -> list[dict[str, Any]]:
    """Lets an agent learn from five rollouts, and returns what was in them."""
    rollouts: list[Any] = []
    train = model.train

    def note_and_train() -> None:
        rollout = model.rollout_buffer
        names = ("rewards", "values", "log_probs", "advantages", "episode_starts")
        rollouts.append({name: getattr(rollout, name).copy() for name in names})
        np.random.seed(NO_CUT)
        train()

    model.train = note_and_train
    torch.manual_seed(1)
    model.learn(5 * N_STEPS * N_ENVS)
    return rollouts


@pytest.mark.parametrize("actions", ["box", "discrete", "multi_discrete"])
@pytest.mark.parametrize("critic", ["separate", "shared", "feed-forward"])
@pytest.mark.parametrize("network", ["gated-leaky", "liquid"])
def test_they_learn_the_same(network: str, critic: str, actions: str) -> None:
    of_recurrent = {
        "separate": {},
        "shared": {"enable_critic_lstm": False, "shared_lstm": True},
        "feed-forward": {"enable_critic_lstm": False},
    }[critic]
    ours = make(MemoryPPO, {"network": network, "critic": critic}, actions)
    theirs = make(RecurrentPPO, {"network": network} | of_recurrent, actions)
    before, after = networks_of(ours), networks_of(theirs)
    assert before.keys() == after.keys()
    for role in before:
        after[role].load_state_dict(before[role].state_dict())
    start = before["pi"].motor.weight.detach().clone()
    seen, also = rollouts_of(ours), rollouts_of(theirs)
    assert (before["pi"].motor.weight - start).abs().max() > 0.01
    for one, other in zip(seen, also, strict=True):
        for name in one:
            np.testing.assert_allclose(one[name], other[name], atol=2e-4, err_msg=name)
    assert any(one["episode_starts"].any() for one in seen)
    for role in before:
        for one, other in zip(
            before[role].parameters(), after[role].parameters(), strict=True
        ):
            torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-3)
