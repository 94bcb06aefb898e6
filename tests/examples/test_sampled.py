"""Positions that are seen at other times than actions are taken."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")
pytest.importorskip("rich")

from common.sampled import LENGTH, PARTS, POSITIONS, sampled

NAMES = list(POSITIONS)


def played(env: gym.Env[Any, Any], seed: int, n: int = 10**6) -> list[Any]:
    """Returns what an episode showed, of actions at random, and its rewards."""
    env.action_space.seed(seed)
    shown, rewards = [env.reset(seed=seed)[0]], []
    while len(rewards) < n:
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        shown, rewards = [*shown, obs], [*rewards, reward]
        if terminated or truncated:
            break
    return [shown, rewards]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("oldest", [0, 3, 7])
def test_times_add_up_to_the_age_of_the_last_position(name: str, oldest: int) -> None:
    env = sampled(name, 8, oldest, True)
    assert isinstance(env, gym.Wrapper)
    shown, rewards = played(env, 0, 3)
    assert len(rewards) == 3
    times = [obs["dt"].item() * PARTS for obs in shown[1:]]
    assert sum(times) == pytest.approx(3 * 8 - env.age)
    assert all(8 - oldest <= time <= 8 + oldest for time in times)
    assert (len(set(times)) > 1) == (oldest > 0)


def states(name: str, period: int, oldest: int) -> tuple[list[Any], list[Any]]:
    """Returns what is shown, and the positions of each quarter while it was."""
    env = sampled(name, period, oldest, True)
    assert isinstance(env, gym.Wrapper)
    passed: list[Any] = []
    step = env.env.step

    def noted(action: Any) -> Any:
        found = step(action)
        passed.append(found[0][env.positions])
        return found

    env.env.step = noted  # type: ignore[method-assign]  # of this one alone, to listen
    shown, _ = played(env, 3, 4)
    return shown, passed


@pytest.mark.parametrize("name", NAMES)
def test_a_position_is_that_of_its_time(name: str) -> None:
    shown, passed = states(name, 8, 7)
    at = 0.0
    for obs in shown[1:]:
        at += obs["dt"].item() * PARTS
        np.testing.assert_array_equal(obs["obs"], passed[round(at) - 1])


@pytest.mark.parametrize("name", NAMES)
def test_an_episode_at_its_own_steps_is_nearly_the_environments(name: str) -> None:
    mine, whole = sampled(name, PARTS, 0, False), gym.make(name)
    (shown, rewards), (theirs, their_rewards) = played(mine, 4), played(whole, 4)
    assert list(shown[0]) == ["obs"]
    np.testing.assert_allclose(shown[5]["obs"], theirs[5][POSITIONS[name]], atol=0.05)
    assert rewards[3] == pytest.approx(their_rewards[3], rel=0.1)


def test_an_episode_is_as_long_as_elsewhere() -> None:
    _, rewards = played(sampled("Pendulum-v1", 8, 7, True), 0)
    assert len(rewards) == LENGTH["Pendulum-v1"] / 2


def test_what_ends_an_episode_is_shown() -> None:
    env = sampled("CartPole-v1", 8, 7, True)
    shown, _ = played(env, 0)
    assert (np.abs(shown[-1]["obs"]) > [2.4, 12 * np.pi / 180]).any()
