"""Every tensor of an agent is where the algorithm's `device` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import ALGORITHMS, POLICIES, learn, make_agent, predict
from recurrent_agents import make_model, ragged

from velora.plugins import hookimpl, manager
from velora.sb3 import MemoryDQN, MemoryPPO, MemorySAC
from velora.sb3.common.network_body import NetworkBody
from velora.utils import set_device

DEVICES = ["cpu"]
if set_device("auto").type != "cpu":  # what this machine has
    DEVICES.append(set_device("auto").type)


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Has cuDNN, which computes PyTorch's LSTM and GRU, keep all digits of float32."""
    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
each_policy = pytest.mark.parametrize("policy", POLICIES)


def devices_of(model: Any) -> set[str]:
    optimizers = [
        getattr(part, "optimizer", None)
        for part in (model.policy, *model.policy.children())
    ]
    moments = [
        value
        for optimizer in optimizers
        if optimizer is not None
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.dim() > 0
    ]
    tensors = [*model.policy.state_dict().values(), *moments]
    return {tensor.device.type for tensor in tensors}


@pytest.mark.parametrize("device", DEVICES)
@each_algorithm
@each_policy
def test_agent_learns_on_its_device_and_loads_on_another(
    algorithm: str, policy: str, device: str, tmp_path: Path
) -> None:
    model = learn(make_agent(algorithm, policy, device=device))
    assert devices_of(model) == {device}
    model.save(tmp_path / "agent.zip")
    for other in DEVICES:
        loaded = type(model).load(tmp_path / "agent.zip", device=other)
        assert devices_of(loaded) == {other}
        np.testing.assert_allclose(predict(loaded), predict(model), atol=1e-5)
        loaded.set_env(model.env)
        assert devices_of(learn(loaded)) == {other}


SHORT = {"batch_size": 16, "sequence_length": 4, "burn_in": 2}
REMEMBERING = {
    "RecurrentPPO": make_model,
    "MemoryPPO": lambda **kwargs: MemoryPPO(
        "LiquidPolicy", ragged(), 1e-3, 16, 16, 2, **kwargs
    ),
    "MemoryDQN": lambda **kwargs: MemoryDQN(
        "LiquidPolicy",
        ragged(actions="discrete"),
        learning_starts=20,
        **SHORT,
        **kwargs,
    ),
    "MemorySAC": lambda **kwargs: MemorySAC(
        "LiquidPolicy", ragged(), learning_starts=20, **SHORT, **kwargs
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("algorithm", REMEMBERING)
@pytest.mark.parametrize(
    "network", ["gated-leaky", "liquid", "ltc", "cfc", "cfc-layers", "lstm", "gru"]
)
def test_agent_that_remembers_is_where_its_device_says(
    algorithm: str, network: str, device: str, tmp_path: Path
) -> None:
    options = {"network": network, "n_neurons": 12}
    if network in ("lstm", "gru"):
        options = {"network": network}
    make = REMEMBERING[algorithm]
    model = make(policy_kwargs=options, device=device, seed=1)
    steps = max(model.n_steps, 16) * model.n_envs  # a rollout, if it has some
    model.learn(2 * steps)
    assert model._n_updates > 0
    assert devices_of(model) == {device}
    model.save(tmp_path / "agent.zip")
    obs = np.random.default_rng(0).uniform(-1, 1, (4, 3, 3)).astype(np.float32)
    for other in DEVICES:
        loaded = type(model).load(tmp_path / "agent.zip", device=other)
        assert devices_of(loaded) == {other}
        state = expected_state = None
        for step in obs:
            action, state = loaded.predict(step, state, deterministic=True)
            expected, expected_state = model.predict(
                step, expected_state, deterministic=True
            )
            np.testing.assert_allclose(action, expected, atol=1e-5)
        loaded.set_env(model.env)
        loaded.learn(steps)
        assert devices_of(loaded) == {other}


@each_algorithm
@each_policy
def test_policy_moves_whole_to_the_meta_device(algorithm: str, policy: str) -> None:
    model = make_agent(algorithm, policy)
    model.policy.set_training_mode(False)  # batch statistics need numbers
    model.policy.to("meta")
    tensors = [*model.policy.parameters(), *model.policy.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    bodies = [m for m in model.policy.modules() if isinstance(m, NetworkBody)]
    assert len(bodies) >= len(model.policy.networks)
    for body in bodies:
        steps, size = body.window or (1, 0)
        n_inputs = body.network.in_features + (steps - 1) * size
        outputs = body(torch.ones(3, n_inputs, device="meta"))
        assert outputs.device.type == "meta"
        assert outputs.shape == (3, body.out_features)


@pytest.fixture
def _lab() -> Iterator[None]:
    class Lab:
        @hookimpl
        def velora_resolve_device(self, device: str) -> str | None:
            return DEVICES[-1] if device == "lab" else None

    plugin = Lab()
    manager().register(plugin)
    yield
    manager().unregister(plugin)


@pytest.mark.usefixtures("_lab")
def test_plugin_names_the_device_of_an_agent() -> None:
    model = make_agent("SAC", device=set_device("lab"))
    assert devices_of(learn(model)) == {DEVICES[-1]}
