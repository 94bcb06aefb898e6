"""Files: which are refused, and that none is written that is not whole and right."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import recurrent_agents
import torch
from agents import make_agent
from recurrent_agents import TIMED
from side_by_side import drawn, seen_by, shaken
from torch import Tensor, nn

from velora.models import LTC, CfC
from velora.onnx import OnnxAgent, export
from velora.plugins import networks
from velora.sb3 import Agent, MemoryDQN


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("file") / "policy.onnx"
    export(make_agent("PPO"), path)
    return path.read_bytes()


def described(content: bytes, **changes: Any) -> bytes:
    """Returns a file with a description that says something else."""
    graph = onnx.load_from_string(content)
    (entry,) = graph.metadata_props
    entry.value = json.dumps(json.loads(entry.value) | changes)
    changed: bytes = graph.SerializeToString()
    return changed


def foreign() -> bytes:
    file = io.BytesIO()
    layer = nn.Linear(6, 4)
    example = (torch.zeros(1, 6),)
    torch.onnx.export(layer, example, file, dynamo=False)  # type: ignore[arg-type]  # it takes a file
    return file.getvalue()


def test_damaged_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "policy.onnx"
    for damaged in (b"", b"nothing of the kind", content[:-400], content[200:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"policy.onnx': it(s| cannot be read)"):
            OnnxAgent(path)
    with pytest.raises(ValueError, match="got bytes: it"):
        OnnxAgent(b"nothing")
    with pytest.raises(FileNotFoundError):
        OnnxAgent(tmp_path / "missing.onnx")
    with pytest.raises(IsADirectoryError):
        OnnxAgent(tmp_path)


@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript")
@pytest.mark.filterwarnings("ignore:::torch")
def test_file_of_another_program_is_refused() -> None:
    with pytest.raises(ValueError, match="has no 'velora', so another program wrote"):
        OnnxAgent(foreign())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2, "velora": "9.0"}, r"of velora-onnx 9\.0.*Upgrade velora-onnx"),
        (
            {"observations": [{"name": "x", "shape": [6], "dtype": "float32"}]},
            "and has",
        ),
        ({"observations": [{"name": "x"}]}, "its description is damaged"),
        ({"action": {"name": "action", "shape": [4], "dtype": "rgb"}}, "is damaged"),
        ({"states": [{"name": "state", "shape": [4], "dtype": "int8"}]}, "and has"),
        ({"masks": {}}, "its description is damaged"),
    ],
)
def test_wrong_description_is_refused(
    changes: dict[str, Any], said: str, content: bytes
) -> None:
    with pytest.raises(ValueError, match=said):
        OnnxAgent(described(content, **changes))


def test_what_later_versions_add_does_no_harm(content: bytes) -> None:
    ports = [{"name": "observation", "shape": [6], "dtype": "float32", "unit": "m"}]
    agent = OnnxAgent(described(content, observations=ports, colour="blue"))
    assert agent.act(np.zeros(6)).shape == (3,)


class Deciding(nn.Module):
    """Decides by a value, which no recording follows."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.layer = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if x.sum() > 0 else -self.layer(x)


class Bessel(Deciding):
    """Has a function that ONNX does not have."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(self.layer(x))


class Counting(Deciding):
    """Has a size in it that is another for each number of rows."""

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).view(len(x), -1)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Deciding, "must act as the model, up to 1e-05"),
        (Bessel, "cannot record .*bessel"),
        (Counting, "does not run in 1 environments"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_model_that_cannot_be_recorded_leaves_all_as_it_was(
    alone: bool, kind: type[nn.Module], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.onnx"
    path.write_bytes(b"what was there before")
    networks().add("test-onnx", kind, summary="one for this test", override=True)
    model = kind(6, 3)
    if not alone:
        options = {"network": "test-onnx", "n_neurons": None}
        model = make_agent("PPO", actions="box", policy_kwargs=options)
    with pytest.raises(ValueError, match=said):
        export(model, path)
    assert path.read_bytes() == b"what was there before"
    assert os.listdir(tmp_path) == ["policy.onnx"]


def test_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    model = make_agent("PPO")
    with pytest.raises(FileNotFoundError):
        export(model, tmp_path / "missing" / "policy.onnx")
    with pytest.raises(IsADirectoryError):
        export(model, tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("model", [None, 5, "agent.zip", nn.Tanh()])
def test_what_is_no_model_is_refused(model: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="`model` must be an algorithm of Stable-Base"):
        export(model, tmp_path / "policy.onnx")
    assert os.listdir(tmp_path) == []


def test_export_changes_nothing_of_the_model(tmp_path: Path) -> None:
    model = shaken(recurrent_agents.make_model())
    before = {key: part.clone() for key, part in model.policy.state_dict().items()}
    generator = torch.random.get_rng_state()
    numbers = np.random.get_state(legacy=False)["state"]["key"].copy()
    export(model, tmp_path / "policy.onnx")
    assert torch.equal(torch.random.get_rng_state(), generator)
    now = np.random.get_state(legacy=False)["state"]["key"]
    np.testing.assert_array_equal(now, numbers)
    for key, part in model.policy.state_dict().items():
        assert torch.equal(part, before[key])
    again = (tmp_path / "policy.onnx").read_bytes()
    export(model, tmp_path / "policy.onnx")
    assert (tmp_path / "policy.onnx").read_bytes() == again
    model.learn(64)


WITHOUT = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy!r} or name.startswith({ours!r}):
            raise ImportError(f"{{name}} must not be imported")

sys.meta_path.insert(0, Refusing())
import json, numpy as np
from velora.onnx import OnnxAgent
from velora.onnx.exporting import export

agent = OnnxAgent("policy.onnx")
actions = []
for step in json.load(open("steps.json")):
    seen = {{key: np.array(part, np.float32) for key, part in step["seen"].items()}}
    actions.append(agent.act(seen).tolist())
    agent.reset(np.array(step["done"]))
print(json.dumps(actions))
"""
HEAVY = ("torch", "gymnasium", "stable_baselines3", "sb3_contrib", "onnx", "numba")
OURS = ("velora.models", "velora.sb3", "velora.plugins", "velora.utils")


def test_agent_acts_where_nothing_heavy_can_be_imported(tmp_path: Path) -> None:
    env = recurrent_agents.ragged(TIMED)
    model = shaken(
        recurrent_agents.make_model(env, policy_kwargs={"timespan_key": "dt"})
    )
    export(model, tmp_path / "policy.onnx")
    agent, space = Agent(model), seen_by(model)
    steps, expected = [], []
    for i in range(6):
        seen, done = drawn(space, 3), [i % 3 == n for n in range(3)]
        seen_as_lists = {key: part.tolist() for key, part in seen.items()}
        steps.append({"seen": seen_as_lists, "done": done})
        expected.append(agent.act(seen))
        agent.reset(np.array(done))
    (tmp_path / "steps.json").write_text(json.dumps(steps))
    code = WITHOUT.format(heavy=HEAVY, ours=OURS)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-5)


class Crowded(Deciding):
    """Decides by how many rows there are, which no check meets."""

    def forward(self, x: Tensor) -> Tensor:
        return -self.layer(x) if x.shape[0] > 5 else self.layer(x)


@pytest.mark.parametrize("alone", [False, True])
def test_decision_that_the_check_does_not_meet_is_warned_of(
    alone: bool, tmp_path: Path
) -> None:
    networks().add("test-onnx", Crowded, summary="one for this test", override=True)
    options = {"network": "test-onnx", "n_neurons": None}
    model = Crowded(6, 3) if alone else make_agent(policy_kwargs=options)
    with pytest.warns(UserWarning, match=r"decides by .* at .*test_files\.py:\d+: "):
        export(model, tmp_path / "policy.onnx")
    assert (tmp_path / "policy.onnx").exists()


@pytest.mark.parametrize("name", ["ncp", "gated-leaky"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(
    name: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    network = networks()[name].build(4, 2, n_neurons=9).to(dtype)
    with pytest.raises(
        ValueError, match=r"torch\.float32, .* got torch\.b?float16.*copy"
    ):
        export(network, tmp_path / "policy.onnx")


def test_module_that_does_more_than_its_class_is_refused(tmp_path: Path) -> None:
    module = CfC(4, 16)
    module.register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match=r"got CfC with hooks.*Pass its `network`"):
        export(module, tmp_path / "policy.onnx")
    export(module.network, tmp_path / "policy.onnx")


def test_what_is_infinite_does_not_reach_a_memory(tmp_path: Path) -> None:
    export(MemoryDQN("LiquidPolicy", "CartPole-v1"), tmp_path / "policy.onnx")
    agent = OnnxAgent(tmp_path / "policy.onnx")
    agent.act(np.zeros(4, np.float32))
    state = agent.state
    with pytest.raises(ValueError, match=r"remembers must be numbers.* infinite"):
        agent.act(np.full(4, np.inf, np.float32))
    assert agent.state is state


@pytest.mark.parametrize("mixed_memory", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("make", [partial(CfC, proj_size=3), LTC])
def test_module_says_what_it_says_with_its_projection(
    make: Callable[..., CfC | LTC], training: bool, mixed_memory: bool, tmp_path: Path
) -> None:
    module = make(4, 16, mixed_memory=mixed_memory).train(training)
    export(module, tmp_path / "policy.onnx")
    assert module.training == module.network.training == training
    agent = OnnxAgent(tmp_path / "policy.onnx")
    x = torch.randn(2, 5, 4)
    with torch.no_grad():
        expected = module(x)[0]
    found = [agent.act(x[:, t].numpy()) for t in range(5)]
    np.testing.assert_allclose(np.stack(found, 1), expected.numpy(), atol=1e-5)
