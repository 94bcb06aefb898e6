"""A trace is what an agent sees, does and thinks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from agents import ALGORITHMS, POLICIES, learn, make_agent, make_env
from gymnasium import spaces
from recurrent_agents import CRITICS, FLAT, Ragged, each_critic, follow, make_model
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from traced import EVERY, KINDS, assert_same, assert_untouched, content, kind

from velora.report import Trace, trace

pytestmark = pytest.mark.usefixtures("toy_networks")


def action_of(model: Any, found: Trace) -> np.ndarray:
    """Makes actions of motor neurons, as each algorithm does."""
    name, space = type(model).__name__, model.action_space
    motor = found.neurons["motor"]
    if isinstance(space, spaces.Box):
        means = motor[:, : space.shape[0]]
        squashed = name in ("SAC", "TQC", "CrossQ", "TD3", "DDPG")
        if squashed or model.policy.squash_output:
            means = np.tanh(means)
        return np.clip(means, space.low, space.high)
    if found.action_masks is not None:
        allowed = found.action_masks
        if isinstance(space, spaces.MultiBinary):  # MaskablePPO has two logits for each
            allowed = allowed.reshape(motor.shape)
        motor = np.where(allowed, motor, -np.inf)
    if name == "QRDQN":
        motor = motor.reshape(len(found), -1, space.n).mean(axis=1)
    if isinstance(space, spaces.Discrete):
        return motor.argmax(axis=1)
    if isinstance(space, spaces.MultiDiscrete):
        parts = np.split(motor, np.cumsum(space.nvec)[:-1], axis=1)
        return np.stack([part.argmax(axis=1) for part in parts], axis=1)
    if motor.shape[1] == 2 * space.n:
        return motor.reshape(len(found), -1, 2).argmax(axis=2)
    return (motor > 0).astype(int)


@pytest.mark.parametrize(("algorithm", "policy", "actions"), EVERY)
def test_last_layer_is_the_action_of_predict(
    algorithm: str, policy: str, actions: str
) -> None:
    model = make_agent(algorithm, policy, actions=actions)
    found = trace(model, model.get_env(), n_episodes=2, seed=3)
    assert len(found) == 20
    assert np.flatnonzero(found.episode_starts).tolist() == [0, 10]
    np.testing.assert_allclose(found.actions, action_of(model, found), atol=1e-6)
    options = {}
    if found.action_masks is not None:
        assert not found.action_masks[:, 1].any()  # which these environments forbid
        options = {"action_masks": found.action_masks}
    predicted, _ = model.predict(found.observations, deterministic=True, **options)
    np.testing.assert_allclose(found.actions, predicted, atol=1e-6)


@each_critic
@pytest.mark.parametrize("network", ["gated-leaky", "liquid", "test-pair"])
def test_last_layer_is_the_action_where_a_state_is_carried(
    network: str, critic: str
) -> None:
    model = make_model(policy_kwargs={"network": network, **CRITICS[critic]})
    found = trace(model, model.get_env(), n_episodes=4, seed=3)
    starts = found.episode_starts
    assert starts.sum() == 4
    np.testing.assert_allclose(found.actions, action_of(model, found), atol=1e-6)
    actions, state = follow(model, list(found.observations[:, None]), starts[:, None])
    np.testing.assert_allclose(found.actions, actions[:, 0], atol=1e-6)
    for part, last in zip(found.states, state, strict=True):
        np.testing.assert_allclose(part[-1], last[0], atol=1e-6)


def test_last_layer_is_the_action_with_exploration_by_state() -> None:
    squashed = {"squash_output": True}
    for model in (
        make_agent("PPO", use_sde=True),
        make_agent("PPO", use_sde=True, policy_kwargs=squashed),
        make_agent("SAC", use_sde=True),
        make_model(use_sde=True),
    ):
        found = trace(model, model.get_env(), n_episodes=2, seed=3)
        np.testing.assert_allclose(found.actions, action_of(model, found), atol=1e-6)
        assert len(found.values) == len(found)


@pytest.mark.parametrize("name", KINDS)
def test_every_layer_computes_the_next_one(name: str) -> None:
    model = kind(name)
    found = trace(model, model.get_env(), n_episodes=2, seed=3)
    network = model.policy.networks["pi"]
    seen = {k: torch.from_numpy(v) for k, v in found.neurons.items()}
    with torch.no_grad():
        motor = network.motor(seen["command"])
    np.testing.assert_allclose(motor, seen["motor"], atol=1e-6)
    if name in ("liquid", "gated-leaky"):
        states = torch.from_numpy(found.states[0])
        before = states.roll(1, 0)
        before[found.episode_starts] = 0
        with torch.no_grad():
            y, after = network.command(seen["inter"], before)
        np.testing.assert_allclose(after, states, atol=1e-6)
        read = torch.nn.functional.mish(y)
        np.testing.assert_allclose(read, seen["command"], atol=1e-6)
    if name != "normalised":  # what goes in are the observations, or their last step
        flat = found.observations if found.observations.ndim == 2 else None
        last = found.observations[:, -1] if flat is None else flat
        np.testing.assert_array_equal(found.neurons["sensory"], last)


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_seed_gives_the_same_trace_twice(name: str, deterministic: bool) -> None:
    model = kind(name)
    options = {"n_episodes": 4, "seed": 5, "deterministic": deterministic}
    found = trace(model, model.get_env(), **options)
    torch.rand(1)  # the seed decides, and not what was drawn before
    drawn = torch.random.get_rng_state()
    assert_same(found, trace(model, model.get_env(), **options))
    assert torch.equal(torch.random.get_rng_state(), drawn)
    other = trace(model, model.get_env(), **options | {"seed": 50})
    assert not np.array_equal(other.observations[:2], found.observations[:2])


def test_seed_none_is_told_and_repeats() -> None:
    model = make_agent()
    found = trace(model, model.get_env())
    assert_same(found, trace(model, model.get_env(), seed=found.seed))


def test_sampled_actions_are_other_ones() -> None:
    model = make_agent()
    greedy, sampled = (
        trace(model, model.get_env(), n_episodes=5, seed=5, deterministic=deterministic)
        for deterministic in (True, False)
    )
    assert not np.array_equal(greedy.actions, sampled.actions)


@pytest.mark.parametrize("n_envs", [2, 3, 7])
def test_trace_of_several_environments_is_that_of_one(n_envs: int) -> None:
    model = make_model()
    expected = trace(model, lambda: Ragged(FLAT, "box"), n_episodes=7, seed=3)
    assert len(np.unique(np.diff(np.flatnonzero(expected.episode_starts)))) > 1
    several = make_vec_env(lambda: Ragged(FLAT, "box"), n_envs)
    found = trace(model, several, n_episodes=7, seed=3)
    assert_same(expected, found, rtol=1e-5, atol=1e-6)
    assert len(found.returns) == 7
    np.testing.assert_allclose(found.returns.sum(), found.rewards.sum(), rtol=1e-5)


def test_environment_may_be_of_any_kind() -> None:
    model = PPO("NCPPolicy", "CartPole-v1", device="cpu", seed=1)
    expected = trace(model, model.get_env(), seed=3)
    env = model.get_env().envs[0].unwrapped
    for given in ("CartPole-v1", lambda: model.get_env(), lambda: env.spec.make()):
        assert_same(expected, trace(model, given, seed=3))
    assert_same(expected, trace(model.policy, env.spec.make(), seed=3))
    assert expected.returns == [len(expected)]  # a reward of 1 a step


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "observations", ["image", "dict", "discrete", "multi_discrete", "multi_binary"]
)
def test_observations_of_any_space_are_kept(observations: str, policy: str) -> None:
    if policy == "LiquidPolicy":
        with pytest.warns(UserWarning, match="no time"):
            model = make_agent("PPO", policy, observations)
    else:
        model = make_agent("PPO", policy, observations)
    found = trace(model, make_env(observations, "box"), seed=3)  # images are transposed
    predicted, _ = model.predict(found.observations, deterministic=True)
    np.testing.assert_allclose(found.actions, predicted, atol=1e-6)
    seen = found.observations
    first = {k: v[0] for k, v in seen.items()} if isinstance(seen, dict) else seen[0]
    assert model.observation_space.contains(first) or observations == "discrete"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_model_is_the_same_after_a_trace(algorithm: str) -> None:
    model = learn(make_agent(algorithm))
    before = content(model.policy)
    trace(model, make_env("flat", ALGORITHMS[algorithm].actions[0]), seed=3)
    assert_untouched(model.policy, before)


@pytest.mark.parametrize("network", ["test-dense", "test-windowed", "test-counter"])
def test_networks_of_others_show_motor_neurons_and_carried_states(network: str) -> None:
    options = {"network": network, "n_neurons": None}
    if network == "test-counter":
        model = make_model(policy_kwargs=options)
    else:
        policy = "LiquidPolicy" if network == "test-windowed" else "NCPPolicy"
        model = make_agent("PPO", policy, policy_kwargs=options)
    found = trace(model, model.get_env(), n_episodes=2, seed=3)
    assert list(found.neurons) == ["motor"]
    np.testing.assert_allclose(found.actions, action_of(model, found), atol=1e-6)
    counted = [found.states[0][0], found.states[0][1]] if found.states else []
    assert counted == ([1, 2] if network == "test-counter" else [])


class Filmed(Ragged):
    """Shows how many steps are left."""

    render_mode = "rgb_array"

    def render(self) -> np.ndarray:
        return np.full((4, 5, 3), self.left, np.uint8)


def test_frames_show_what_was_before_each_action() -> None:
    model = make_model()
    env = Filmed(model.observation_space, "box")
    found = trace(model, env, n_episodes=2, seed=3, frames=True)
    assert found.frames.shape == (len(found), 4, 5, 3)
    assert found.frames.dtype == np.uint8
    starts = np.flatnonzero(found.episode_starts)
    lengths = np.diff([*starts, len(found)])
    left = [n for length in lengths for n in range(length, 0, -1)]
    assert found.frames[:, 0, 0, 0].tolist() == left
    assert trace(model, env, seed=3).frames is None
    seen: list[np.ndarray] = []
    taken = trace(model, env, n_episodes=2, seed=3, frames=seen.append)
    np.testing.assert_array_equal(seen, found.frames)
    assert_same(taken, replace(found, frames=None))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_episodes": 0}, ValueError, "`n_episodes` must be at least 1; got 0"),
        ({"n_episodes": 1.5}, TypeError, "`n_episodes` must be an integer; got 1.5"),
        ({"seed": -1}, ValueError, "`seed` must not be negative; got -1"),
        ({"seed": "a"}, TypeError, "`seed` must be an integer or None; got 'a'"),
        ({"env": 3}, TypeError, "`env` must be a gymnasium.*; got 3"),
        ({"env": "Pendulum-v1"}, ValueError, "must have the observation space that"),
        ({"env": make_env("flat", "discrete")}, ValueError, "have the action space"),
        ({"frames": True}, ValueError, '`env` must have render_mode="rgb_array"'),
        ({"model": None}, TypeError, "`model` must be an algorithm with a policy of"),
    ],
)
def test_wrong_argument_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = make_agent()
    before = content(model.policy)
    with pytest.raises(error, match=message):
        trace(**{"model": model, "env": model.get_env(), "seed": 1} | change)
    assert_untouched(model.policy, before)


def test_model_with_networks_of_others_alone_is_refused() -> None:
    model = PPO("MlpPolicy", "CartPole-v1", device="cpu")
    with pytest.raises(TypeError, match='Train with "NCPPolicy"'):
        trace(model, "CartPole-v1")
