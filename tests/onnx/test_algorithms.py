"""Each algorithm, policy, observation and action, in pairs: the file does the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import (
    ACTIONS,
    ALGORITHMS,
    OBSERVATIONS,
    POLICIES,
    algorithm_class,
    make_agent,
    make_env,
)
from gymnasium import spaces
from side_by_side import assert_same, shaken
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from velora.onnx import export

pytestmark = pytest.mark.filterwarnings("ignore:A recurrent network has no memory here")


NORMALISED = ("flat", "window", "dict")  # what VecNormalize takes, and images no more


def cases() -> list[tuple[str, str, str, str]]:
    """Returns each algorithm with each policy; observations and actions take turns.

    An observation meets each policy, and an action each observation that is not of its
    own rhythm.
    """
    found, turn = [], 0
    for algorithm, spec in ALGORITHMS.items():
        for policy in POLICIES:
            kinds = [name for name in OBSERVATIONS if name not in spec.without]
            observations = kinds[turn % len(kinds)]
            actions = spec.actions[turn // 2 % len(spec.actions)]
            found.append((algorithm, policy, observations, actions))
            turn += 1
    return found


def all_cases() -> list[tuple[str, str, str, str]]:
    """Returns each algorithm with each policy, observation and action."""
    return [
        (algorithm, policy, observations, actions)
        for algorithm, spec in ALGORITHMS.items()
        for policy in POLICIES
        for observations in OBSERVATIONS
        for actions in spec.actions
        if observations not in spec.without
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With --whole all cases, and those of numbers as VecNormalize makes them, too."""
    if "case" not in metafunc.fixturenames:
        return
    chosen = [(case, False) for case in cases()]
    if metafunc.config.getoption("--whole", False):
        chosen = [(case, False) for case in all_cases()]
        chosen += [(case, True) for case in all_cases() if case[2] in NORMALISED]
    names = ["-".join((*case, "normalised" if of else "raw")) for case, of in chosen]
    metafunc.parametrize(("case", "is_normalised"), chosen, ids=names)


def statistics(observations: str, actions: str) -> VecNormalize:
    """Makes environments that have normalised observations for a while."""
    venv = DummyVecEnv([lambda: make_env(observations, actions)])
    keys = ["a"] if observations == "dict" else None
    env = VecNormalize(venv, norm_obs_keys=keys)
    env.seed(2)
    env.reset()
    for _ in range(30):
        env.step([env.action_space.sample()])
    return env


def test_file_acts_as_the_model(
    case: tuple[str, str, str, str], is_normalised: bool, tmp_path: Path
) -> None:
    algorithm, policy, observations, actions = case
    model = shaken(make_agent(algorithm, policy, observations, actions))
    env = statistics(observations, actions) if is_normalised else None
    path = tmp_path / "policy.onnx"
    done = export(model, path, vec_normalize=env)
    assert done.difference <= 1e-5
    assert done.n_bytes == path.stat().st_size
    given = {"normalised": env.normalize_obs} if env else {}
    assert_same(model, path, masked=algorithm == "MaskablePPO", steps=25, **given)


@pytest.mark.parametrize("observations", OBSERVATIONS)
def test_every_observation_is_taken(observations: str, tmp_path: Path) -> None:
    model = shaken(make_agent("PPO", "LiquidPolicy", observations, "multi_discrete"))
    export(model, tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=25)


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [("PPO", {}), ("SAC", {"use_sde": True}), ("TD3", {}), ("DQN", {})],
)
def test_policies_of_stable_baselines3_are_exported(
    algorithm: str, settings: Any, tmp_path: Path
) -> None:
    spec = ALGORITHMS[algorithm]
    env = make_env("dict", spec.actions[0])
    model = algorithm_class(algorithm)(
        "MultiInputPolicy", env, **(spec.settings | settings)
    )
    export(shaken(model), tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=25)


@pytest.mark.parametrize("algorithm", ["PPO", "SAC"])
@pytest.mark.parametrize(
    "actions",
    [
        spaces.Box(-3, np.array([1, 20.0]), dtype=np.float64),
        spaces.Box(-0.1, 0.2, (2, 2)),
    ],
)
def test_actions_have_the_bounds_and_numbers_of_the_environment(
    actions: spaces.Box, algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACTIONS, "own", actions)
    model = shaken(make_agent(algorithm, "NCPPolicy", "flat", "own"))
    export(model, tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=25)


def test_squashed_noise_and_wide_bounds_are_kept(tmp_path: Path) -> None:
    options = {"squash_output": True}
    model = make_agent(
        "PPO", "NCPPolicy", "flat", "box", use_sde=True, policy_kwargs=options
    )
    export(shaken(model), tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=25)
