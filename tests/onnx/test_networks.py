"""Networks alone: what goes in is observed, what comes out is acted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from side_by_side import assert_plain

from velora.models import LiquidNCPNetwork, NCPNetwork
from velora.models.protocol import parts
from velora.onnx import OnnxAgent, export
from velora.plugins import networks

REGISTERED = ["ncp", "liquid", "gated-leaky", "ltc", "cfc", "cfc-layers", "lstm", "gru"]


@torch.no_grad()
def follow(network: Any, x: torch.Tensor, resets: torch.Tensor) -> np.ndarray:
    """Returns the (T, B, O) outputs of a sequence."""
    if not hasattr(network, "initial_state"):
        return np.stack([network(step).numpy() for step in x])
    outputs: np.ndarray = network.forward_sequence(x, resets=resets)[0].numpy()
    return outputs


@pytest.mark.parametrize("name", REGISTERED)
def test_file_does_what_the_network_does(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = networks()[name].build(4, 2)
    network.train()
    done = export(network, tmp_path / "network.onnx")
    assert done.difference <= 1e-5
    assert_plain(tmp_path / "network.onnx")
    assert network.training
    x, resets = torch.randn(12, 3, 4), torch.rand(12, 3) < 0.2
    agent, found = OnnxAgent(tmp_path / "network.onnx"), []
    for step, starts in zip(x.numpy(), resets.numpy(), strict=True):
        agent.reset(starts)
        found.append(agent.act(step))
    np.testing.assert_allclose(found, follow(network, x, resets), rtol=1e-4, atol=1e-5)
    if hasattr(network, "initial_state"):
        state = parts(network.initial_state(3))
        assert [part.shape for part in agent.state or ()] == [p.shape for p in state]


def test_single_input_gives_a_single_output(tmp_path: Path) -> None:
    network = NCPNetwork(4, 12, 1)
    export(network, tmp_path / "network.onnx")
    x = torch.randn(4)
    found = OnnxAgent(tmp_path / "network.onnx").act(x.numpy())
    assert found.shape == (1,)
    np.testing.assert_allclose(found, network(x[None]).detach().numpy(), atol=1e-6)


def test_double_precision_stays(tmp_path: Path) -> None:
    network = NCPNetwork(4, 12, 2, activation="tanh").double()
    export(network, tmp_path / "network.onnx")
    x = torch.randn(3, 4).double()
    found = OnnxAgent(tmp_path / "network.onnx").act(x.numpy())
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, network(x).detach().numpy(), atol=1e-12)


def test_what_a_network_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="`vec_normalize` must be left out"):
        export(NCPNetwork(4, 12, 2), tmp_path / "a.onnx", vec_normalize="a.pkl")
    with pytest.raises(ValueError, match=r"does not run: .*Softplus"):
        export(LiquidNCPNetwork(4, 12, 2).double(), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
