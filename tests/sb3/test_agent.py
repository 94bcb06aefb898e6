"""An agent keeps what `predict` would have to be told at each step."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import make_agent, make_env, predict, sample_observations
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import FlattenExtractor

from velora.models import NCPNetwork, load_network, save_network
from velora.sb3 import Agent, MemoryDQN


def make_model(observations: str = "flat") -> Any:
    """Makes a model with memory; 6 command neurons."""
    options: dict[str, Any] = {"n_neurons": 16}
    if observations == "image":
        options["features_extractor_kwargs"] = {"features_dim": 16}
    env = make_env(observations, "box")
    return RecurrentPPO("LiquidPolicy", env, policy_kwargs=options, device="cpu")


@pytest.fixture
def model() -> Any:
    return make_model()


@pytest.fixture
def steps(model: Any) -> np.ndarray:
    """Observations of four steps in three environments."""
    drawn: np.ndarray = sample_observations(model, 12).reshape(4, 3, 6)
    return drawn


@pytest.mark.parametrize("observations", ["flat", "window", "image", "dict"])
@pytest.mark.parametrize("of_policy", [False, True])
def test_agent_acts_as_predict_with_states_and_starts(
    observations: str, of_policy: bool
) -> None:
    model = make_model(observations)
    agent = Agent(model.policy if of_policy else model)
    env = make_vec_env(lambda: make_env(observations, "box"), 3, seed=2)
    obs: Any = env.reset()
    for i, single in enumerate(env.get_attr("unwrapped")):
        single.left = 4 + 2 * i  # episodes end at different times
    state, starts, n_ends = None, np.ones(3, dtype=bool), []
    for _ in range(9):
        expected, state = model.predict(obs, state, starts, deterministic=True)
        actions = agent.act(obs)
        np.testing.assert_array_equal(actions, expected)
        np.testing.assert_array_equal(agent.state, state)
        obs, _, starts, _ = env.step(actions)
        agent.reset(starts)
        n_ends.append(starts.sum())
    assert n_ends == [0, 0, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "observations", ["flat", "window", "image", "dict", "discrete"]
)
def test_agent_acts_in_one_environment(observations: str) -> None:
    model, env = make_model(observations), make_env(observations, "box")
    agent = Agent(model)
    obs, _ = env.reset(seed=2)
    state, start = None, True
    for step in range(14):
        expected, state = model.predict(obs, state, np.array([start]), True)
        action = agent.act(obs)
        assert env.action_space.contains(action)
        np.testing.assert_array_equal(action, expected)
        obs, _, terminated, truncated, _ = env.step(action)
        start = terminated or truncated
        assert start == (step == 9)
        agent.reset(start)
        if start:
            obs, _ = env.reset()


def test_state_is_that_of_the_network(model: Any, steps: np.ndarray) -> None:
    agent = Agent(model)
    assert agent.state is None
    agent.act(steps[0])
    (hidden,) = agent.state or ()
    assert hidden.shape == (3, 6)
    agent.act(steps[1])
    (after,) = agent.state
    assert (after != hidden).any(axis=1).all()


@pytest.mark.parametrize("done", [(), (None,), (True,), (np.bool_(True),)])
def test_reset_forgets_all(model: Any, steps: np.ndarray, done: Any) -> None:
    agent = Agent(model)
    first = agent.act(steps[0])
    assert not np.array_equal(agent.act(steps[0]), first)
    agent.reset(*done)
    assert agent.state is None
    np.testing.assert_array_equal(agent.act(steps[0]), first)
    agent.reset(*done)
    assert agent.act(steps[0, :2]).shape == (2, 3)  # another number of environments


def test_reset_forgets_only_environments_that_are_done(
    model: Any, steps: np.ndarray
) -> None:
    agent, fresh, kept = Agent(model), Agent(model), Agent(model)
    agent.act(steps[0])
    kept.act(steps[0])
    agent.reset(np.array([False, True, False]))
    agent.reset([False, False, True])  # what is forgotten stays so
    expected = np.where(
        [[True], [False], [False]], kept.act(steps[1]), fresh.act(steps[1])
    )
    np.testing.assert_allclose(agent.act(steps[1]), expected, atol=1e-6)


@pytest.mark.parametrize("done", [False, np.bool_(False), np.zeros(3, dtype=bool)])
def test_reset_of_nothing_does_nothing(
    model: Any, steps: np.ndarray, done: Any
) -> None:
    agent, other = Agent(model), Agent(model)
    for obs in steps:
        agent.reset(done)
        np.testing.assert_array_equal(agent.act(obs), other.act(obs))
        agent.reset(done)


def test_flags_of_another_number_of_environments_are_refused(
    model: Any, steps: np.ndarray
) -> None:
    agent = Agent(model)
    agent.act(steps[0])
    for done in (np.ones(2, dtype=bool), np.ones((3, 1), dtype=bool)):
        with pytest.raises(ValueError, match=r"`done` must have shape .*\(3,\); got"):
            agent.reset(done)
    with pytest.raises(ValueError, match=r"remembers 3 environments.*got 2"):
        agent.act(steps[1, :2])


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "DQN"])
def test_agent_without_memory_acts_as_predict(algorithm: str) -> None:
    model = make_agent(algorithm)
    agent = Agent(model)
    for _ in range(2):
        actions = agent.act(sample_observations(model))
        np.testing.assert_array_equal(actions, predict(model))
        agent.reset(np.array([True, False, True, False, True]))
    assert agent.state is None


def test_agent_samples_where_asked(model: Any, steps: np.ndarray) -> None:
    agents = [Agent(model, deterministic=chosen) for chosen in (True, False)]
    certain, sampled = [
        [agent.act(steps[0]), agent.reset(), agent.act(steps[0])] for agent in agents
    ]
    np.testing.assert_array_equal(certain[0], certain[2])
    assert not np.array_equal(sampled[0], sampled[2])


@pytest.mark.parametrize("model", [None, 5, "agent.zip", PPO, FlattenExtractor])
def test_agent_needs_a_model(model: Any) -> None:
    with pytest.raises(TypeError, match=r"`model` must be an algorithm.*load"):
        Agent(model)


def test_agent_of_a_network_says_what_to_do(tmp_path: Path) -> None:
    save_network(NCPNetwork(4, 12, 2), tmp_path / "network.safetensors")
    network: Any = load_network(tmp_path / "network.safetensors")
    with pytest.raises(TypeError, match=r"got NCPNetwork\. A network alone.*frozen"):
        Agent(network)


@pytest.mark.parametrize("policy", ["LiquidPolicy", "MlpLstmPolicy"])
def test_agent_says_how_many_environments_it_remembers(policy: str) -> None:
    model = RecurrentPPO(policy, make_env("flat", "box"), device="cpu")
    agent, seen = Agent(model), sample_observations(model, 3)
    agent.act(seen)
    for n in (1, 2):
        with pytest.raises(ValueError, match=rf"remembers 3 .*got {n}\..*reset\(\)"):
            agent.act(seen[:n])
    with pytest.raises(ValueError, match="Unexpected observation shape"):
        agent.act(seen[:, :4])
    agent.reset()
    assert agent.act(seen[:2]).shape == (2, 3)


def test_agent_without_memory_takes_any_number_of_environments() -> None:
    model = make_agent("PPO")
    agent = Agent(model)
    for n in (3, 2, 5):
        assert len(agent.act(sample_observations(model, n))) == n
        agent.reset(np.ones(n, dtype=bool))


@pytest.mark.parametrize("observations", ["flat", "dict"])
def test_what_is_no_number_does_not_reach_a_memory(observations: str) -> None:
    model = make_model(observations)
    agent = Agent(model)
    observation = model.observation_space.sample()
    agent.act(observation)
    state = agent.state
    broken = copy.deepcopy(observation)
    for part in broken.values() if isinstance(broken, dict) else [broken]:
        if part.dtype.kind == "f":
            part[-1] = np.nan
    with pytest.raises(ValueError, match="`observation` must be numbers; got NaN"):
        agent.act(broken)
    assert agent.state is state
    agent.act(observation)


def test_what_is_infinite_does_not_reach_a_memory() -> None:
    agent = Agent(MemoryDQN("LiquidPolicy", "CartPole-v1", device="cpu"))
    agent.act(np.zeros(4, np.float32))
    state = agent.state
    with pytest.raises(ValueError, match=r"remembers must be numbers.* infinite"):
        agent.act(np.full(4, np.inf, np.float32))
    assert agent.state is state
    agent.act(np.zeros(4, np.float32))


def test_what_reset_of_gymnasium_returns_is_refused() -> None:
    agent = Agent(make_agent())
    with pytest.raises(TypeError, match=r"\(observation, info\).*first part"):
        agent.act((np.zeros(6, np.float32), {}))
