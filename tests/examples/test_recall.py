"""The tasks that are nothing but memory: who remembers is paid, others by chance."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from common.recall import MASKED, MISSING, POPGYM, T_MAZE, make
from common.t_maze import TMaze

Player = Callable[[list[np.ndarray]], int]


def mean_return(env: gym.Env, player: Player, episodes: int) -> float:
    returns = []
    for episode in range(episodes):
        seen, over = [env.reset(seed=episode)[0]], False
        returns.append(0.0)
        while not over:
            step, reward, over, _, _ = env.step(player(seen))
            seen.append(step)
            returns[-1] += float(reward)
    return statistics.mean(returns)


@pytest.mark.parametrize("length", [1, 50])
def test_t_maze_pays_who_remembers_its_first_step(length: int) -> None:
    env = TMaze(length)
    check_env(env, skip_render_check=True)
    assert mean_return(env, lambda seen: int(seen[0][0] > 0), 20) == 1
    assert mean_return(env, lambda seen: int(seen[0][0] < 0), 20) == 0
    forgets = mean_return(env, lambda seen: int(sum(seen[-length:])[0] > 0), 200)
    assert 0.4 < forgets < 0.6


def test_t_maze_shows_its_junction_and_ends_there() -> None:
    env = TMaze(3)
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(4)]
    assert [int(seen[1]) for seen, *_ in steps] == [0, 0, 1, 0]
    assert [over for _, _, over, _, _ in steps] == [False, False, False, True]


@pytest.mark.skipif(bool(MISSING), reason=" ".join(MISSING.values()))
@pytest.mark.parametrize("name", [*POPGYM, MASKED])
def test_popgym_is_seen_as_numbers(name: str) -> None:
    env = make(name)
    assert isinstance(env.observation_space, gym.spaces.Box)
    assert env.observation_space.contains(env.reset(seed=0)[0])
    assert make(name, frames=4).observation_space.shape[0] == 4


@pytest.mark.skipif(bool(MISSING), reason=" ".join(MISSING.values()))
def test_masks_leave_the_right_action_and_one_more() -> None:
    env = make(MASKED)
    seen = [int(env.reset(seed=0)[0].argmax())]
    for step in range(40):
        mask = env.get_wrapper_attr("action_masks")()
        assert mask.sum() == (2 if step >= 3 else 4)
        if step >= 3:
            assert mask[seen[-4]]
        step_seen, reward, _, _, _ = env.step(seen[-4] if step >= 3 else 0)
        assert (reward > 0) == (step >= 3)
        seen.append(int(step_seen.argmax()))


def test_tasks_have_their_names() -> None:
    assert T_MAZE not in MISSING
    assert isinstance(make(T_MAZE).unwrapped, TMaze)
