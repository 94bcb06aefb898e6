"""Chunks of a rollout: where they start from, and what flows through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import RandomEnv
from gymnasium.wrappers import TimeLimit
from memory_agents import learn, make_model, on_train, ragged
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.env_util import make_vec_env
from torch import Tensor

from velora.sb3.memory.rollout import SequenceRollout
from velora.sb3.memory_ppo import MemoryPPO

pytestmark = pytest.mark.usefixtures("toy_networks")


def gradients(length: int, network: str, critic: str) -> list[Tensor]:
    """Returns those of all steps of one rollout, whose episodes are of four steps."""
    env = make_vec_env(lambda: TimeLimit(RandomEnv("flat", "box"), 4), 2, seed=3)
    model = make_model(
        env,
        sequence_length=length,
        batch_size=24,
        policy_kwargs={"network": network, "critic": critic},
    )
    found: list[Tensor] = []

    def take() -> None:
        total = torch.zeros(())
        for data in model.rollout_buffer.get(24):
            values, log_prob, _ = model.policy.evaluate_actions(
                data.observations, data.actions
            )
            total = total + (data.returns * log_prob + values.square()).sum()
        total.backward()
        found.extend(
            p.grad.clone() for p in model.policy.parameters() if p.requires_grad
        )
        model.policy.zero_grad()

    on_train(model, take)
    learn(model, 1)
    return found


@pytest.mark.parametrize("critic", ["separate", "shared"])
@pytest.mark.parametrize("network", ["gated-leaky", "liquid", "test-learned", "lstm"])
def test_gradients_of_chunks_are_those_of_the_episodes_that_they_hold(
    network: str, critic: str
) -> None:
    whole = gradients(24, network, critic)
    for length in (4, 8):
        for got, expected in zip(
            gradients(length, network, critic), whole, strict=True
        ):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    # Shorter chunks cut episodes, and with them what flows back.
    cut = gradients(2, network, critic)
    assert not all(map(torch.allclose, cut, whole))


def test_chunk_starts_from_the_state_that_the_rollout_had_there() -> None:
    model = make_model(sequence_length=4, batch_size=8, n_epochs=3, learning_rate=0.1)
    met: list[Any] = []

    def note() -> None:
        met.append(
            torch.cat([states.pi[0] for states in model.rollout_buffer.chunk_states])
        )
        evaluate = model.policy.evaluate_actions
        seen = []

        def watch(sequences: Any, actions: Any) -> Any:
            seen.append(sequences.states.pi[0].clone())
            return evaluate(sequences, actions)

        model.policy.evaluate_actions = watch
        met.append(seen)

    on_train(model, note)
    learn(model, 1)
    states, seen = met
    # Whatever the weights have become, each epoch starts from the same states.
    assert len(seen) == 3 * 9
    for epoch in range(3):
        used = torch.cat(seen[9 * epoch : 9 * epoch + 9])
        assert sorted(used.tolist()) == sorted(states.tolist())
    assert states.any(dim=1).sum() > 12


def test_rollout_begins_with_the_state_that_the_last_one_ended_with() -> None:
    model = make_model(sequence_length=12)
    starts: list[Any] = []
    ends: list[Any] = []

    def note() -> None:
        starts.append(model.rollout_buffer.chunk_states[0])
        ends.append(model._states)

    on_train(model, note)
    learn(model, 3)
    for end, start in zip(ends, starts[1:], strict=False):
        for before, after in zip(
            (*end.pi, *end.vf), (*start.pi, *start.vf), strict=True
        ):
            torch.testing.assert_close(before, after)
            assert before.any()


def test_all_steps_are_in_one_minibatch_each_epoch() -> None:
    model = make_model(sequence_length=4, batch_size=12)
    rollout = model.rollout_buffer
    rollout.reset()
    numbers = np.arange(72).reshape(24, 3)
    rollout.actions[:] = numbers[..., None]
    rollout.returns[:] = numbers
    rollout.chunk_states = [model.policy.initial_states(3) for _ in range(6)]
    orders = []
    for _ in range(2):
        seen = [data.returns.view(4, -1) for data in rollout.get(12)]
        assert [part.shape for part in seen] == [(4, 3)] * 6
        columns = torch.cat(seen, dim=1)
        assert sorted(columns.flatten().tolist()) == list(range(72))
        assert (columns.diff(dim=0) == 3).all()  # a step of the same environment
        orders.append(columns.flatten().tolist())
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("n_steps", "batch_size", "length", "fits"),
    [
        (24, 64, None, "sequence_length=8 fits, or batch_size=24"),
        (24, 24, 5, "sequence_length=24 fits"),
        (24, 8, 12, "sequence_length=8 fits"),
        (24, 24, 0, "got 0, 24 and 24"),
        (24, 24, -4, "got -4, 24 and 24"),
        (24, 24, 2.0, "got 2.0, 24 and 24"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(
    n_steps: int, batch_size: int, length: Any, fits: str
) -> None:
    with pytest.raises(ValueError, match="must divide `n_steps` and `batch_size`") as e:
        make_model(n_steps=n_steps, batch_size=batch_size, sequence_length=length)
    assert fits in str(e.value)


@pytest.mark.parametrize("size", [0, -24, 24.0, None])
@pytest.mark.parametrize("name", ["n_steps", "batch_size"])
def test_sizes_that_are_none_are_refused(name: str, size: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be an integer from 1 on; got"):
        make_model(**{name: size})


def test_loading_with_lengths_that_do_not_fit_is_refused(tmp_path: Any) -> None:
    make_model(sequence_length=12).save(tmp_path / "agent")
    with pytest.raises(ValueError, match="must divide"):
        MemoryPPO.load(tmp_path / "agent", env=ragged(), n_steps=20)


def test_defaults_fit_any_number_of_environments() -> None:
    for n_envs in (1, 3):
        model = MemoryPPO("LiquidPolicy", ragged(n_envs=n_envs), device="cpu")
        assert (model.n_steps, model.batch_size) == (128, 128)


def test_rollout_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a SequenceRollout"):
        make_model(rollout_buffer_class=RolloutBuffer)

    class Mine(SequenceRollout):
        pass

    assert type(learn(make_model(rollout_buffer_class=Mine)).rollout_buffer) is Mine
