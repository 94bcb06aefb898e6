"""`SequenceReplayBuffer` against lists of steps, whatever happens to episodes."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_agents import ragged
from stable_baselines3.common.vec_env import VecNormalize

from velora.sb3.memory.replay import SequenceReplayBuffer
from velora.sb3.memory.replayed import Replayed

FLAT = spaces.Box(-np.inf, np.inf, (2,), np.float32)
DICT = spaces.Dict(a=FLAT, b=spaces.Discrete(1000))
ACTIONS = spaces.Box(-1, 1, (1,), np.float32)


@dataclass
class Step:
    """A step of one environment, as it was met."""

    obs: Any
    state: float
    start: bool
    action: float
    reward: float
    ended: bool
    led_to: Any


class Recorder:
    """Fills a buffer, and a list of steps for each environment.

    Each observation is a number that no other has.
    """

    def __init__(self, space: Any, n_envs: int, seed: int, **options: Any) -> None:
        self.space, self.n_envs = space, n_envs
        self.rng = np.random.default_rng(seed)
        self.buffer = SequenceReplayBuffer(
            n_envs * options.pop("size", 24),
            space,
            ACTIONS,
            "cpu",
            n_envs,
            **options,
        )
        self.steps: list[list[Step]] = [[] for _ in range(n_envs)]
        self.count = 0
        self.obs = [self.draw() for _ in range(n_envs)]
        self.starts = np.ones(n_envs, dtype=bool)

    def draw(self) -> Any:
        self.count += 1
        flat = np.array([self.count, -self.count], dtype=np.float32)
        return flat if self.space is FLAT else {"a": flat, "b": self.count}

    def stack(self, parts: list[Any]) -> Any:
        if self.space is FLAT:
            return np.stack(parts)
        return {key: np.stack([part[key] for part in parts]) for key in ("a", "b")}

    def reset(self) -> None:
        """Starts new episodes though none has ended, as `learn` may do."""
        self.obs = [self.draw() for _ in range(self.n_envs)]
        self.starts[:] = True

    def step(self) -> None:
        """Goes one step; some episodes end, and some are cut off."""
        ends = self.rng.random(self.n_envs) < 0.3
        cuts = ends & (self.rng.random(self.n_envs) < 0.5)
        led_to = [self.draw() for _ in range(self.n_envs)]
        state = self.rng.random((self.n_envs, 1)).astype(np.float32)
        actions, rewards = self.rng.random((2, self.n_envs)).astype(np.float32)
        self.buffer.begin(self.starts.copy(), (torch.from_numpy(state),))
        infos = [{"TimeLimit.truncated": bool(cut)} for cut in cuts]
        self.buffer.add(
            self.stack(self.obs), self.stack(led_to), actions, rewards, ends, infos
        )
        for env, steps in enumerate(self.steps):
            steps.append(
                Step(
                    self.obs[env],
                    state[env, 0],
                    bool(self.starts[env]),
                    actions[env],
                    rewards[env],
                    bool(ends[env] and not cuts[env]),
                    led_to[env],
                )
            )
        self.obs = [
            self.draw() if end else obs for end, obs in zip(ends, led_to, strict=True)
        ]
        self.starts = ends

    def kept(self, env: int) -> list[Step]:
        return self.steps[env][-self.buffer.buffer_size :]


def observed(data: Replayed, step: int, column: int) -> Any:
    if isinstance(data.observations, dict):
        return {
            "a": data.observations["a"][step, column].numpy(),
            "b": data.observations["b"][step, column].item(),
        }
    return data.observations[step, column].numpy()


def check(recorder: Recorder, data: Replayed, column: int) -> int:
    """Compares a column with the steps that its state leads to; returns the first."""
    buffer, state = recorder.buffer, data.states[0][column, 0].item()
    (env, first), *others = [
        (env, first)
        for env in range(recorder.n_envs)
        for first, step in enumerate(recorder.kept(env))
        if step.state == state
    ]
    assert not others
    steps = recorder.kept(env)[first : first + len(data.starts) - 1]
    assert len(steps) == data.burn_in + buffer.sequence_length
    for time, step in enumerate(steps):
        np.testing.assert_equal(observed(data, time, column), step.obs)
        assert data.starts[time, column] == step.start
        learned, before = time - data.burn_in, data.previous[time, column]
        if step.start:
            assert not before
        else:
            assert before == recorder.kept(env)[first + time - 1].action
        if learned < 0:
            continue
        assert data.actions[learned, column] == step.action
        assert data.rewards[learned, column] == step.reward
        assert data.dones[learned, column] == step.ended
        if step.ended:
            continue
        # What followed is computed in a column that is the same up to here.
        where = int(data.columns[learned, column])
        for earlier, other in enumerate(steps[: time + 1]):
            np.testing.assert_equal(observed(data, earlier, where), other.obs)
            assert data.starts[earlier, where] == other.start
        assert data.states[0][where] == data.states[0][column]
        np.testing.assert_equal(observed(data, time + 1, where), step.led_to)
        assert not data.starts[time + 1, where]
        assert data.previous[time + 1, where] == step.action
    return first


lengths = st.tuples(st.integers(1, 6), st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(
    is_dict=st.booleans(),
    n_envs=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    n_steps=st.integers(1, 70),
    lengths=lengths,
    resets=st.sets(st.integers(0, 69), max_size=4),
    optimized=st.booleans(),
)
def test_sequences_are_steps_in_a_row(
    is_dict: bool,
    n_envs: int,
    seed: int,
    n_steps: int,
    lengths: tuple[int, int],
    resets: set[int],
    optimized: bool,
) -> None:
    length, burn_in = lengths
    recorder = Recorder(
        DICT if is_dict else FLAT,
        n_envs,
        seed,
        sequence_length=length,
        burn_in=burn_in,
        optimize_memory_usage=optimized,
    )
    buffer = recorder.buffer
    for step in range(n_steps):
        if step in resets:
            recorder.reset()
        recorder.step()
        assert buffer.size() == min(step + 1, buffer.buffer_size)
    # What is put aside belongs to steps that are still there.
    cuts = [
        before
        for env in range(n_envs)
        for before, after in pairwise(recorder.kept(env))
        if after.start and not before.ended
    ]
    assert len(buffer._ends) == len(cuts)
    # Every second half of a length, and never across the write head.
    kept = buffer.size()
    oldest = n_steps - kept + (kept < n_steps or buffer.full)
    begins = [
        begin - (n_steps - kept)
        for begin in range(oldest, n_steps - buffer.n_steps + 1)
        if begin % buffer.interval == 0
    ]
    assert buffer.n_sequences == len(begins) * n_envs
    if not begins:
        return
    for later in range(buffer.interval):
        data = buffer.take(np.arange(buffer.n_sequences), later=later)
        assert data.burn_in == burn_in + later
        found = [check(recorder, data, column) for column in range(buffer.n_sequences)]
        assert found == [begin for begin in begins for _ in range(n_envs)]


def filled(space: Any = FLAT, **options: Any) -> Recorder:
    recorder = Recorder(space, 2, 1, sequence_length=4, burn_in=3, **options)
    for _ in range(40):
        recorder.step()
    return recorder


def assert_same(data: Replayed, other: Replayed) -> None:
    for mine, others in zip(data, other, strict=True):
        torch.testing.assert_close(mine, others, rtol=0, atol=0)


@pytest.mark.parametrize("space", [FLAT, DICT], ids=["flat", "dict"])
def test_saved_buffer_goes_on_as_the_same(space: Any) -> None:
    recorder = filled(space)
    other = copy.copy(recorder)
    other.buffer = pickle.loads(pickle.dumps(recorder.buffer))
    numbers = np.arange(recorder.buffer.n_sequences)
    assert_same(recorder.buffer.take(numbers), other.buffer.take(numbers))
    other.steps, other.rng = copy.deepcopy((recorder.steps, recorder.rng))
    for each in (recorder, other):
        each.obs, each.starts, each.count = list(each.obs), each.starts.copy(), 1000
        each.obs = [each.draw() for _ in range(2)]
        for _ in range(5):
            each.step()
    assert_same(recorder.buffer.take(numbers), other.buffer.take(numbers))


def test_samples_are_of_all_sequences_alike_and_of_all_steps() -> None:
    buffer = filled().buffer
    np.random.seed(1)
    assert {buffer.sample(4).burn_in for _ in range(20)} == {3, 4}
    data = buffer.sample(4 * 3000 + 3)
    assert data.rewards.shape == (4, 3000)
    _, counts = np.unique(data.states[0][:3000], return_counts=True)
    assert len(counts) == buffer.n_sequences
    assert counts.min() > 0.6 * counts.mean()


def test_timeouts_that_are_not_handled_are_ends() -> None:
    buffer = filled(handle_timeout_termination=False).buffer
    data = buffer.take(np.arange(buffer.n_sequences))
    ends = buffer.dones.sum()
    assert ends > buffer.timeouts.sum() == 0
    assert data.starts.shape[1] == data.n_columns  # nothing was cut off


def test_statistics_of_now_normalise_raw_observations_and_rewards() -> None:
    recorder = filled()
    env = VecNormalize(ragged())
    env.observation_space = FLAT
    env.obs_rms.mean, env.obs_rms.var = np.array([5.0, -5.0]), np.array([4.0, 4.0])
    env.ret_rms.var = np.array(9.0)
    numbers = np.arange(recorder.buffer.n_sequences)
    data, raw = recorder.buffer.take(numbers, env), recorder.buffer.take(numbers)
    expected = env.normalize_obs(raw.observations.numpy())
    np.testing.assert_allclose(data.observations, expected, rtol=1e-5)
    torch.testing.assert_close(data.rewards, raw.rewards / 3)
    assert data.rewards.dtype == data.observations.dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sequence_length": 0},
            "`sequence_length` must be a whole number of steps, 1",
        ),
        ({"burn_in": -1}, "`burn_in` must be a whole number of steps, 0 or more"),
        ({"burn_in": 1.5}, "got 1.5"),
        ({"size": 33}, "must hold a sequence .* got 33 for 33 steps of 1. 49 is"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Recorder(FLAT, 1, 0, **{"burn_in": 10, **options})
    Recorder(FLAT, 2, 0, size=49, burn_in=10)


def test_a_buffer_without_a_sequence_has_no_sample() -> None:
    buffer = SequenceReplayBuffer(100, FLAT, spaces.Discrete(2))
    with pytest.raises(ValueError, match=r"a sequence of 43 steps .*got 0 of each"):
        buffer.sample(32)


def test_step_of_which_nobody_told_is_refused() -> None:
    recorder = Recorder(FLAT, 2, 0, sequence_length=2, burn_in=1)
    for _ in range(3):
        recorder.step()
    buffer, before = recorder.buffer, copy.deepcopy(recorder.buffer)
    obs = np.zeros((2, 2), np.float32)
    for other in (buffer, pickle.loads(pickle.dumps(buffer))):
        with pytest.raises(
            ValueError, match=r"`begin\(starts, state\)` must be called"
        ):
            other.add(obs, obs, np.zeros((2, 1)), np.zeros(2), np.zeros(2), [{}, {}])
        assert other.pos == before.pos
        np.testing.assert_array_equal(other.observations, before.observations)
