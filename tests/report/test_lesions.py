"""A lesion silences a neuron, changes nothing else, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from agents import ALGORITHMS, make_agent, make_env, predict
from recurrent_agents import FLAT, Ragged, follow, make_model, sequence
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from traced import (
    KINDS,
    ORPHANED,
    ORPHANS,
    Failing,
    assert_same,
    assert_untouched,
    content,
    kind,
)

from velora.report import Lesions, lesioned, lesions, trace

pytestmark = pytest.mark.usefixtures("toy_networks")


def cartpole() -> Any:
    # Without the defaults, whose first actions are all about as likely.
    options = {"n_neurons": 8, "init_type": "xavier"}
    return PPO("NCPPolicy", "CartPole-v1", policy_kwargs=options, device="cpu", seed=3)


def layer(model: Any, name: str) -> list[tuple[str, int]]:
    """Returns all neurons of a layer of the network that acts."""
    size = getattr(next(iter(model.policy.networks.values())).counts, name)
    return [(name, index) for index in range(size)]


# The command neurons of a cell read each other, so all of them have a way.
LONELY = [(name, "inter") for name in KINDS]
LONELY += [("feed-forward", "command"), ("normalised", "command")]


@pytest.mark.parametrize(("name", "orphan"), LONELY)
def test_lesion_of_a_neuron_without_a_way_to_a_motor_changes_nothing(
    name: str, orphan: str
) -> None:
    model = kind(name, **ORPHANED)
    expected = trace(model, model.get_env(), n_episodes=3, seed=3)
    with lesioned(model, [(orphan, ORPHANS[orphan])]):
        found = trace(model, model.get_env(), n_episodes=3, seed=3)
    assert not found.neurons[orphan][:, ORPHANS[orphan]].any()
    assert expected.neurons[orphan][:, ORPHANS[orphan]].all()
    expected.neurons[orphan][:, ORPHANS[orphan]] = 0
    assert_same(expected, found)
    with lesioned(model, [(orphan, 0)]):  # another has an effect
        other = trace(model, model.get_env(), n_episodes=3, seed=3)
    assert not np.array_equal(other.neurons["motor"], expected.neurons["motor"])


@pytest.mark.parametrize("at_mean", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_without_inter_neurons_actions_depend_on_no_observation(
    algorithm: str, at_mean: bool
) -> None:
    for policy in ("NCPPolicy", "LiquidPolicy"):
        model = make_agent(algorithm, policy, actions=ALGORITHMS[algorithm].actions[0])
        means = trace(model, model.get_env(), seed=3) if at_mean else None
        with lesioned(model, layer(model, "inter"), means=means):
            blind = trace(model, model.get_env(), n_episodes=2, seed=3)
            actions = predict(model)
        seeing = trace(model, model.get_env(), n_episodes=2, seed=3)
        np.testing.assert_array_equal(np.ptp(blind.neurons["motor"], axis=0), 0)
        assert np.ptp(seeing.neurons["motor"], axis=0).any()
        # Rows of one product may differ by rounding.
        np.testing.assert_allclose(actions, actions[[0] * len(actions)], atol=1e-6)


@pytest.mark.parametrize("network", ["liquid", "gated-leaky"])
def test_without_inter_neurons_a_memory_goes_its_own_way(network: str) -> None:
    model = make_model(policy_kwargs={"network": network, "n_neurons": 12})
    first, second = np.split(np.stack(sequence(model, 10)), 2)
    with lesioned(model, layer(model, "inter")):
        actions, _ = follow(model, list(first))
        others, _ = follow(model, list(second))
    np.testing.assert_array_equal(actions, others)
    assert np.ptp(actions, axis=0).any()  # the state moves
    assert not np.array_equal(follow(model, list(first))[0], actions)


def test_silent_command_neurons_are_forgotten_too() -> None:
    model = make_model(policy_kwargs={"n_neurons": 12})
    observations = sequence(model, 5)
    with lesioned(model, layer(model, "command")):
        actions, _ = follow(model, observations)
    bias = model.policy.networks["pi"].motor.bias.detach()
    expected = np.broadcast_to(bias.clip(-1, 1), actions.shape)
    np.testing.assert_allclose(actions, expected, atol=1e-6)
    with lesioned(model, layer(model, "command")[:1]):
        alone, state = follow(model, observations)
        # What is remembered of the silent neuron is read by nobody.
        changed = (state[0] + np.eye(4, dtype=np.float32)[0],)
        now = observations[0]
        starts = np.zeros(3, bool)
        np.testing.assert_array_equal(
            model.predict(now, changed, starts, deterministic=True)[0],
            model.predict(now, state, starts, deterministic=True)[0],
        )
    assert not np.array_equal(alone, follow(model, observations)[0])


def test_lesion_at_the_mean_holds_every_layer_there() -> None:
    for name in KINDS:
        model = kind(name)
        means = trace(model, model.get_env(), n_episodes=3, seed=3)
        for part in ("sensory", "inter", "command"):
            with lesioned(model, layer(model, part), means=means):
                held = trace(model, model.get_env(), n_episodes=3, seed=3)
            mean = means.neurons[part].mean(axis=0)
            expected = np.broadcast_to(mean, held.neurons[part].shape)
            np.testing.assert_allclose(held.neurons[part], expected, atol=1e-6)


def test_lesions_add_up_as_groups() -> None:
    model = cartpole()
    env = model.get_env()
    both = [("inter", 1), ("sensory", 2)]
    groups = {"both": both, "again": both[::-1], "none": []}
    found = lesions(model, env, groups=groups, n_episodes=4, seed=3)
    assert found.names == ("both", "again", "none")
    np.testing.assert_array_equal(found.returns[0], found.returns[1])
    np.testing.assert_array_equal(found.returns[2], found.intact)
    with lesioned(model, both[:1]), lesioned(model, both[1:]):
        expected = trace(model, env, n_episodes=4, seed=3).returns
    np.testing.assert_array_equal(found.returns[0], expected)


def test_lesions_are_of_every_neuron_and_of_the_same_episodes() -> None:
    model = cartpole()
    found = lesions(model, model.get_env(), n_episodes=3, seed=3)
    counts = model.policy.networks["pi"].counts
    expected = [
        f"{name} {index}"
        for name in ("sensory", "inter", "command")
        for index in range(getattr(counts, name))
    ]
    assert list(found.names) == expected
    whole = trace(model, model.get_env(), n_episodes=3, seed=3)
    np.testing.assert_array_equal(found.intact, whole.returns)
    for number in (0, 6):
        with lesioned(model, found.groups[number]):
            alone = trace(model, model.get_env(), n_episodes=3, seed=3)
        np.testing.assert_array_equal(found.returns[number], alone.returns)
    assert found.differences.any()


def test_differences_and_intervals_are_of_pairs() -> None:
    intact = np.array([1.0, 5.0, 9.0, 100.0])
    returns = np.stack((intact - 2, intact, intact - [0, 0, 4, 4]))
    groups = ((("inter", 0),), (("inter", 1),), (("inter", 2),))
    found = Lesions(3, intact, ("a", "b", "c"), groups, returns)
    np.testing.assert_array_equal(found.differences, [-2, 0, -2])
    np.testing.assert_array_equal(found.intervals, [[-2, -2], [0, 0], [-4, 0]])
    np.testing.assert_array_equal(found.intervals, found.intervals)
    alone = Lesions(3, intact[:1], ("a", "b", "c"), groups, returns[:, :1])
    assert np.isnan(alone.intervals).all()


def test_interval_is_as_wide_as_the_mean_is_uncertain() -> None:
    draws = np.random.default_rng(0).normal(-3, 2, 400)
    group = ((("inter", 0),),)
    found = Lesions(3, np.zeros(400), ("a",), group, draws[None])
    expected = draws.mean() + np.array([-1.96, 1.96]) * draws.std() / 20
    np.testing.assert_allclose(found.intervals[0], expected, atol=0.03)


def test_several_environments_measure_what_one_does() -> None:
    model = make_model()
    groups = {"one": [("inter", 0)], "two": [("command", 1)]}
    options = {"groups": groups, "n_episodes": 5, "seed": 3}
    one = lesions(model, lambda: Ragged(FLAT, "box"), **options)
    three = make_vec_env(lambda: Ragged(FLAT, "box"), 3)
    several = lesions(model, three, **options)
    np.testing.assert_allclose(several.returns, one.returns, rtol=1e-5)


@pytest.mark.parametrize("deterministic", [True, False])
def test_two_processes_measure_what_one_does(deterministic: bool) -> None:
    model = cartpole()
    means = trace(model, "CartPole-v1", seed=1)
    groups = {name: layer(model, name) for name in ("sensory", "inter", "command")}
    options = {"groups": groups, "n_episodes": 3, "seed": 3, "means": means}
    options["deterministic"] = deterministic
    one = lesions(model, "CartPole-v1", **options)
    two = lesions(model, lambda: gym.make("CartPole-v1"), jobs=2, **options)
    np.testing.assert_array_equal(one.returns, two.returns)
    np.testing.assert_array_equal(one.intact, two.intact)
    assert one.differences.all()


@pytest.mark.parametrize("jobs", [1, 2])
def test_model_is_the_same_after_lesions_an_error_included(jobs: int) -> None:
    for model in (make_agent("PPO"), make_model(make_env("flat", "box"))):
        before = content(model.policy)
        with pytest.raises(ArithmeticError, match="it broke down"):
            lesions(model, lambda: Failing("flat", "box"), seed=3, jobs=jobs)
        assert_untouched(model.policy, before)
        if jobs == 1:
            lesions(model, model.get_env(), n_episodes=2, seed=3)
            assert_untouched(model.policy, before)


def test_nothing_of_a_lesion_stays_where_it_ends_in_an_error() -> None:
    model = make_agent()
    before, actions = content(model.policy), predict(model)

    def fail() -> None:
        with lesioned(model, layer(model, "inter")):
            assert not np.array_equal(predict(model), actions)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert_untouched(model.policy, before)
    np.testing.assert_array_equal(predict(model), actions)


def test_progress_bar_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    model = cartpole()
    options = {"groups": {"one": [("inter", 0)]}, "n_episodes": 1, "seed": 3}
    lesions(model, model.get_env(), progress_bar=True, **options)
    assert "Lesions" in capsys.readouterr().out
    lesions(model, model.get_env(), **options)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_episodes": 0}, ValueError, "`n_episodes` must be at least 1; got 0"),
        ({"jobs": 0}, ValueError, "`jobs` must be at least 1; got 0"),
        ({"jobs": 2}, ValueError, "a function that makes an environment for 2 jobs"),
        ({"groups": [("inter", 0)]}, TypeError, "`groups` must be a dict of neurons"),
        ({"groups": {"a": ["inter"]}}, TypeError, "A neuron must be its layer and"),
        ({"groups": {"a": [("inter", "0")]}}, TypeError, "A neuron must be its layer"),
        ({"groups": {"a": [("motor", 0)]}}, ValueError, "must be one of .*'command'"),
        ({"groups": {"a": [("inter", 8)]}}, ValueError, "has 8 inter neurons, from 0"),
        ({"groups": {"a": [("inter", -1)]}}, ValueError, "from 0 on; got number -1"),
        ({"means": 0.5}, TypeError, "A trace must be one of velora.report.trace"),
        ({"env": "Pendulum-v1"}, ValueError, "must have the observation space that"),
    ],
)
def test_wrong_argument_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = make_agent()
    before = content(model.policy)
    with pytest.raises(error, match=message):
        lesions(**{"model": model, "env": model.get_env(), "seed": 1} | change)
    assert_untouched(model.policy, before)


def test_means_of_another_network_are_refused() -> None:
    other = make_agent(policy_kwargs={"n_neurons": 20})
    means = trace(other, other.get_env(), seed=3)
    model = make_agent()
    with pytest.raises(ValueError, match="must be of the network that acts"):
        lesions(model, model.get_env(), means=means)


def test_networks_of_others_are_refused() -> None:
    options = {"network": "test-dense", "n_neurons": None}
    model = make_agent("PPO", policy_kwargs=options)
    with pytest.raises(TypeError, match="must have inter and command neurons"):
        lesions(model, model.get_env())


def test_lesion_takes_the_state_of_a_trace_on_another_device_or_dtype() -> None:
    model = make_agent()
    means = trace(model, model.get_env(), seed=3)
    model.policy.double()
    with lesioned(model, [("inter", 0)], means=means):
        network = model.policy.networks["pi"]
        assert network(torch.zeros(2, 6, dtype=torch.float64)).dtype == torch.float64
