"""What remembers: every recurrent network, masks, timespans, noise, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import memory_agents
import numpy as np
import pytest
import recurrent_agents
import torch
from agents import OBSERVATIONS
from recurrent_agents import TIMED
from replay_agents import KINDS
from sb3_contrib import RecurrentPPO
from side_by_side import assert_same, shaken
from torch import Tensor, nn

from velora.onnx import OnnxAgent, export
from velora.plugins import networks


class Counting(nn.Linear):
    """Remembers floats, a counter too large for floats, and whether it began."""

    start = 2**53

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features + 1, out_features)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        zeros = self.weight.new_zeros(batch_size, 1)
        count = torch.full((batch_size, 2, 1), self.start, dtype=torch.int64)
        return zeros.double(), count, torch.zeros(batch_size, dtype=torch.bool)

    def forward_sequence(self, x: Tensor, state: Any, *, resets: Any = None) -> Any:
        start = self.initial_state(x.shape[1])
        (trace, count, began), outputs = state, []
        for step, now in enumerate(x):
            if resets is not None:
                again = resets[step, :, None]
                trace = torch.where(again, start[0], trace)
                count = torch.where(again[..., None], start[1], count)
                began = began & ~resets[step]
            trace = 0.5 * trace + now[:, :1]
            steps = (count - self.start).flatten(1).sum(dim=1, keepdim=True)
            more = steps + trace + 10 * began[:, None]
            outputs.append(super().forward(torch.cat((now, more.float()), dim=1)))
            count, began = count + 1, torch.ones_like(began)
        return torch.stack(outputs), (trace, count, began)


NETWORKS = ["liquid", "gated-leaky", "ltc", "cfc", "cfc-layers", "lstm", "gru"]
TIMELESS = ("lstm", "gru")
ACTIONS = ("box", "discrete", "multi_discrete", "multi_binary")


@pytest.fixture(autouse=True)
def _toys(toy_networks: None) -> None:
    """Lets all tests name the networks of tests/sb3."""


def moved(model: Any, network: str) -> Any:
    # LTC's capacitances and conductances must stay above zero.
    return shaken(model, 0.03 if network == "ltc" else 1.0)


@pytest.mark.parametrize("kind", ["RecurrentPPO", "MemoryPPO"])
@pytest.mark.parametrize("network", [*NETWORKS, "test-pair", "test-learned"])
def test_network_remembers_in_the_file(network: str, kind: str, tmp_path: Path) -> None:
    index = NETWORKS.index(network) if network in NETWORKS else 0
    actions = ACTIONS[(index + (kind == "MemoryPPO")) % 4]
    timed = network not in TIMELESS
    module = recurrent_agents if kind == "RecurrentPPO" else memory_agents
    env = module.ragged(TIMED, actions) if timed else module.ragged(actions=actions)
    options = {"network": network} | ({"timespan_key": "dt"} if timed else {})
    model = moved(module.make_model(env, policy_kwargs=options), network)
    export(model, tmp_path / "policy.onnx")
    agent = assert_same(model, tmp_path / "policy.onnx", steps=25)
    names = [port.name for port in agent.description.states]
    n_parts = 2 if network in ("lstm", "test-pair", "test-learned") else 1
    assert names == (["state"] if n_parts == 1 else ["state_0", "state_1"])


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [("MemorySAC", {}), ("MemoryDQN", {}), ("MemoryDQN", {"head": ()})],
)
def test_what_learns_from_replay_remembers_in_the_file(
    algorithm: str, options: dict[str, Any], tmp_path: Path
) -> None:
    kind = KINDS[algorithm]
    options = options | {"timespan_key": "dt"}
    model = shaken(kind.make(kind.env(TIMED), policy_kwargs=options))
    export(model, tmp_path / "policy.onnx")
    agent = assert_same(model, tmp_path / "policy.onnx", steps=25)
    assert [port.name for port in agent.description.states] == ["state"]


@pytest.mark.parametrize("module", [recurrent_agents, memory_agents])
def test_state_keeps_its_numbers(module: Any, tmp_path: Path) -> None:
    networks().add(
        "test-counting", Counting, recurrent=True, summary="a toy", override=True
    )
    options = {"network": "test-counting"}
    model = shaken(module.make_model(module.ragged(), policy_kwargs=options))
    export(model, tmp_path / "policy.onnx")
    agent = assert_same(model, tmp_path / "policy.onnx", steps=25)
    parts = [(port.shape, port.dtype) for port in agent.description.states]
    assert parts == [((1,), "float64"), ((2, 1), "int64"), ((), "bool")]
    agent.reset()
    for _ in range(3):
        agent.act(np.zeros((4, 3)))
    _, count, began = agent.state or ()
    assert (count == Counting.start + 3).all()
    assert began.all()


@pytest.mark.parametrize("observations", ["image", "dict", "window"])
def test_observations_of_what_remembers(observations: str, tmp_path: Path) -> None:
    space = OBSERVATIONS[observations]
    model = recurrent_agents.make_model(recurrent_agents.ragged(space, "discrete"))
    export(shaken(model), tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=15)


@pytest.mark.parametrize("actions", ["discrete", "multi_discrete", "multi_binary"])
def test_masks_are_obeyed(actions: str, tmp_path: Path) -> None:
    model = memory_agents.make_model(memory_agents.masked(actions))
    export(shaken(model), tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", masked=True, steps=40)
    with pytest.raises(ValueError, match="was trained with masks, and needs"):
        OnnxAgent(tmp_path / "policy.onnx").act(np.zeros((2, 3)))


@pytest.mark.parametrize("actions", ["discrete", "multi_binary"])
def test_observed_masks_are_obeyed(actions: str, tmp_path: Path) -> None:
    env = memory_agents.masked(actions, kind=memory_agents.Observed)
    model = memory_agents.make_model(env, policy_kwargs={"mask_key": "valid"})
    export(shaken(model), tmp_path / "policy.onnx")
    agent = assert_same(model, tmp_path / "policy.onnx", mask_key="valid", steps=40)
    agent.reset()
    seen = model.observation_space.sample()
    seen["valid"][:] = 1
    with pytest.raises(TypeError, match="are observed as 'valid'"):
        agent.act(seen, seen["valid"])
    seen["valid"][:] = 0
    with pytest.raises(ValueError, match="must leave a valid choice"):
        agent.act(seen)


def test_noise_of_a_state_is_left_out(tmp_path: Path) -> None:
    options = {"squash_output": True}
    for module in (recurrent_agents, memory_agents):
        model = shaken(module.make_model(use_sde=True, policy_kwargs=options))
        export(model, tmp_path / "policy.onnx")
        assert_same(model, tmp_path / "policy.onnx", steps=15)


def test_mixed_memory_has_three_parts(tmp_path: Path) -> None:
    options = {"network": "cfc", "network_kwargs": {"mixed_memory": True}}
    model = shaken(recurrent_agents.make_model(policy_kwargs=options))
    export(model, tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=25)


@pytest.mark.parametrize("layers", [1, 3])  # three as environments in the check
def test_lstm_of_sb3_contrib_is_exported(layers: int, tmp_path: Path) -> None:
    env = recurrent_agents.ragged(actions="discrete")
    options = {"lstm_hidden_size": 8, "n_lstm_layers": layers}
    model = RecurrentPPO("MlpLstmPolicy", env, policy_kwargs=options, device="cpu")
    export(shaken(model), tmp_path / "policy.onnx")
    agent = assert_same(model, tmp_path / "policy.onnx", steps=40)
    assert [port.shape for port in agent.description.states] == [(layers, 8)] * 2
