"""The runtime alone: what it remembers, takes and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurrent_agents
from agents import make_agent
from recurrent_agents import TIMED
from side_by_side import drawn, masks_for, seen_by, shaken

from velora.onnx import OnnxAgent, export
from velora.sb3 import Agent


@pytest.fixture(scope="module")
def model() -> Any:
    return shaken(recurrent_agents.make_model())


@pytest.fixture(scope="module")
def path(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "policy.onnx"
    export(model, path)
    return path


@pytest.fixture
def steps(model: Any) -> np.ndarray:
    """Observations of four steps in three environments."""
    found: np.ndarray = drawn(seen_by(model), 12).reshape(4, 3, 3)
    return found


def file_of(model: Any, folder: Path) -> OnnxAgent:
    export(model, folder / "policy.onnx")
    return OnnxAgent(folder / "policy.onnx")


def test_content_of_a_file_is_taken_as_well(path: Path, steps: np.ndarray) -> None:
    agents = OnnxAgent(path), OnnxAgent(str(path)), OnnxAgent(path.read_bytes())
    first, *others = (agent.act(steps[0]) for agent in agents)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_file_describes_itself(path: Path) -> None:
    says = OnnxAgent(path).description
    (seen,) = says.observations
    assert (seen.name, seen.kind, seen.shape, seen.dtype) == (
        "observation",
        "Box",
        (3,),
        "float32",
    )
    assert (seen.low, seen.high, says.action.low) == (-1, 1, -1)
    assert says.inputs == ["observation", "state", "episode_start"]
    assert says.outputs == ["action", "next_state"]
    assert says.made_of == "RecurrentPPO LiquidPolicy"
    assert says.masks is None
    assert type(says).loads(says.dumps()) == says


def test_no_path_of_this_machine_is_in_a_file(path: Path) -> None:
    content = path.read_bytes()
    for part in ("site-packages", "torch/", "packages/", str(Path.home()), ".py"):
        assert part.encode() not in content


def test_one_environment_gives_one_action(model: Any, path: Path) -> None:
    agent, other = OnnxAgent(path), Agent(model)
    for seen in drawn(seen_by(model), 5):
        action, expected = agent.act(seen), other.act(seen)
        assert action.shape == expected.shape == (3,)
        np.testing.assert_allclose(action, expected, atol=1e-6)


def test_single_discrete_action_is_what_an_environment_takes(tmp_path: Path) -> None:
    model = make_agent("PPO", observations="discrete", actions="discrete")
    agent = file_of(model, tmp_path)
    for seen in (3, np.int64(3), np.array(3)):
        action = agent.act(seen)
        assert action.shape == ()
        assert model.action_space.contains(action[()])
        np.testing.assert_array_equal(action, Agent(model).act(np.array(3)))


@pytest.mark.parametrize("done", [(), (None,), (True,), (np.bool_(True),)])
def test_reset_forgets_all(path: Path, steps: np.ndarray, done: Any) -> None:
    agent = OnnxAgent(path)
    assert agent.state is None
    first = agent.act(steps[0])
    assert [part.shape for part in agent.state or ()] == [(3, 4)]
    assert not np.array_equal(agent.act(steps[0]), first)
    agent.reset(*done)
    assert agent.state is None
    np.testing.assert_array_equal(agent.act(steps[0]), first)
    agent.reset(*done)
    assert agent.act(steps[0, :2]).shape == (2, 3)  # another number of environments


def test_reset_forgets_only_environments_that_are_done(
    path: Path, steps: np.ndarray
) -> None:
    agent, fresh, kept = OnnxAgent(path), OnnxAgent(path), OnnxAgent(path)
    agent.act(steps[0])
    kept.act(steps[0])
    agent.reset(np.array([False, True, False]))
    agent.reset([False, False, True])  # type: ignore[arg-type]  # what is forgotten stays so
    expected = np.where(
        [[True], [False], [False]], kept.act(steps[1]), fresh.act(steps[1])
    )
    np.testing.assert_allclose(agent.act(steps[1]), expected, atol=1e-6)


@pytest.mark.parametrize("done", [False, np.zeros(3, dtype=bool)])
def test_reset_of_nothing_does_nothing(
    path: Path, steps: np.ndarray, done: Any
) -> None:
    agent, other = OnnxAgent(path), OnnxAgent(path)
    for seen in steps:
        agent.reset(done)
        np.testing.assert_array_equal(agent.act(seen), other.act(seen))
        agent.reset(done)


def test_another_number_of_environments_is_refused_and_nothing_forgotten(
    path: Path, steps: np.ndarray
) -> None:
    agent, other = OnnxAgent(path), OnnxAgent(path)
    agent.act(steps[0])
    other.act(steps[0])
    for done in (np.ones(2, dtype=bool), np.ones((3, 1), dtype=bool)):
        with pytest.raises(ValueError, match=r"`done` must have shape .*\(3,\); got"):
            agent.reset(done)
    for n in (1, 2):
        with pytest.raises(ValueError, match=rf"remembers 3 .*got {n}\..*reset\(\)"):
            agent.act(steps[1, :n])
    np.testing.assert_array_equal(agent.act(steps[1]), other.act(steps[1]))


def test_what_remembers_nothing_takes_any_number_of_environments(
    tmp_path: Path,
) -> None:
    model = make_agent("PPO")
    agent = file_of(model, tmp_path)
    for n in (3, 2, 5):
        assert len(agent.act(drawn(seen_by(model), n))) == n
        agent.reset(np.ones(n, dtype=bool))
    assert agent.state is None


@pytest.mark.parametrize(
    ("seen", "error", "said"),
    [
        (np.zeros(4), ValueError, r"must have the shape \(3,\), or that .*got \(4,\)"),
        (np.zeros((2, 2, 3)), ValueError, r"got \(2, 2, 3\)"),
        (np.float32(1), ValueError, r"got \(\)"),
        (np.array(["a", "b", "c"]), TypeError, "must be of float32.*got <U1"),
        (np.zeros(3, complex), TypeError, "got complex128"),
        (np.array([0, np.nan, 0]), ValueError, "must be numbers; got NaN"),
        ({"obs": np.zeros(3)}, TypeError, "must be an array; got a dict"),
        (
            (np.zeros(3), {}),
            TypeError,
            "got a tuple. .*`reset` returns, pass the first",
        ),
    ],
)
def test_wrong_observation_is_refused(
    seen: Any, error: Any, said: str, path: Path
) -> None:
    agent = OnnxAgent(path)
    with pytest.raises(error, match=said):
        agent.act(seen)
    assert agent.state is None


def test_numbers_of_the_same_kind_are_taken(path: Path) -> None:
    expected = OnnxAgent(path).act(np.array([0, 1, -1], np.float32))
    for seen in ([0, 1, -1], np.array([0.0, 1, -1]), np.array([0, 1, -1], np.int8)):
        np.testing.assert_array_equal(OnnxAgent(path).act(seen), expected)


def test_wrong_mapping_is_refused(tmp_path: Path) -> None:
    model = recurrent_agents.make_model(
        recurrent_agents.ragged(TIMED), policy_kwargs={"timespan_key": "dt"}
    )
    agent = file_of(model, tmp_path)
    with pytest.raises(TypeError, match=r"mapping with the keys \['obs', 'dt'\]"):
        agent.act(np.zeros(3))
    with pytest.raises(ValueError, match=r"it lacks \['dt'\]"):
        agent.act({"obs": np.zeros(3)})
    with pytest.raises(ValueError, match=r"`observation`\['dt'\] must have the shape"):
        agent.act({"obs": np.zeros(3), "dt": 1.0})
    with pytest.raises(ValueError, match="of as many environments"):
        agent.act({"obs": np.zeros((2, 3)), "dt": np.ones((3, 1))})
    assert agent.act({"obs": np.zeros(3), "dt": np.ones(1), "more": 1}).shape == (3,)


def test_values_out_of_range_are_refused(tmp_path: Path) -> None:
    agent = file_of(make_agent("PPO", observations="multi_discrete"), tmp_path)
    agent.act([2, 1])
    for seen in ([3, 0], [0, 2], [-1, 0]):
        with pytest.raises(ValueError, match=r"from 0 to below \[3, 2\]; got"):
            agent.act(seen)
    with pytest.raises(TypeError, match=r"must be of int64.*got float64"):
        agent.act([1.0, 0.0])


def test_images_are_taken_with_their_channels_first_or_last(tmp_path: Path) -> None:
    model = shaken(make_agent("PPO", observations="image", actions="box"))
    agent = file_of(model, tmp_path)
    last = drawn(seen_by(model), 2)
    np.testing.assert_array_equal(agent.act(last), agent.act(np.moveaxis(last, -1, -3)))
    with pytest.raises(ValueError, match=r"\(1, 36, 36\) or \(36, 36, 1\)"):
        agent.act(last[:, :35])
    with pytest.raises(TypeError, match=r"must be of uint8.*got float32"):
        agent.act(last.astype(np.float32))


def test_masks_are_refused_as_agents_do(tmp_path: Path) -> None:
    model = make_agent("MaskablePPO", actions="multi_discrete")
    agent, space = file_of(model, tmp_path), seen_by(model)
    seen = drawn(space, 2)
    masks = masks_for(model.action_space, 2, np.random.default_rng(0))
    for given in (masks, masks.astype(int), masks.astype(float)):
        np.testing.assert_array_equal(agent.act(seen, given), agent.act(seen, masks))
    assert agent.act(seen[0], masks[0]).shape == (2,)
    # As sb3-contrib's `predict`, it may be asked without.
    np.testing.assert_array_equal(agent.act(seen), Agent(model).act(seen))
    for given, said in (
        (masks[:, :4], r"shape \(n_envs, choices\) = \(2, 5\); got \(2, 4\)"),
        (masks[:1], r"got \(1, 5\)"),
        (masks * 0.5, "must hold 0 and 1"),
        (masks & [False, False, True, True, True], "leave a valid choice"),
    ):
        with pytest.raises(ValueError, match=said):
            agent.act(seen, given)


def test_masks_that_nobody_takes_are_refused(path: Path, steps: np.ndarray) -> None:
    with pytest.raises(TypeError, match="`action_masks` must be left out here"):
        OnnxAgent(path).act(steps[0], np.ones((3, 3)))
