"""Agents that older versions saved act as they did: see `older/make.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import algorithm_class

OLDER = Path(__file__).with_name("older")
AGENTS = sorted(OLDER.glob("*/*.zip"))
POLICIES = sorted(OLDER.glob("*/*.policy.pt"))
ACTORS = sorted(OLDER.glob("*/*.actor.pt"))


def identity(path: Path) -> str:
    return f"{path.parent.name}-{path.name.split('.')[0]}"


def expected_actions(path: Path) -> np.ndarray:
    with np.load(path.parent / "actions.npz") as actions:
        found: np.ndarray = actions[path.name.split(".")[0]]
    return found


@pytest.fixture(scope="module")
def actions_of() -> Any:
    """The function that gave the actions when the files were made."""
    spec = importlib.util.spec_from_file_location("velora_older", OLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.actions_of


def test_there_are_files_of_older_versions() -> None:
    assert len(AGENTS) > 40
    assert len(POLICIES) > 15
    assert ACTORS


@pytest.mark.parametrize("path", AGENTS, ids=identity)
def test_older_agent_acts_as_it_did(path: Path, actions_of: Any) -> None:
    model = algorithm_class(path.name.split("-")[0].split(".")[0]).load(
        path, device="cpu"
    )
    np.testing.assert_allclose(actions_of(model), expected_actions(path), atol=1e-6)


@pytest.mark.parametrize("path", POLICIES, ids=identity)
def test_older_policy_acts_as_it_did(path: Path, actions_of: Any) -> None:
    agent = algorithm_class(path.name.split("-")[0].split(".")[0]).load(
        path.with_name(f"{path.name.split('.')[0]}.zip"), device="cpu"
    )
    policy = type(agent.policy).load(str(path), device="cpu")
    np.testing.assert_allclose(actions_of(policy), expected_actions(path), atol=1e-6)


@pytest.mark.parametrize("path", ACTORS, ids=identity)
def test_older_actor_acts_as_it_did(path: Path, actions_of: Any) -> None:
    agent = algorithm_class(path.name.split("-")[0]).load(
        path.with_name(f"{path.name.split('.')[0]}.zip"), device="cpu"
    )
    actor = type(agent.actor).load(str(path), device="cpu")
    np.testing.assert_allclose(actions_of(actor), expected_actions(path), atol=1e-6)
