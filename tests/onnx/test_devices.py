"""An agent on an accelerator is exported from there, and the file acts as it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import memory_agents
import pytest
import recurrent_agents
from agents import make_agent
from replay_agents import KINDS
from side_by_side import assert_same, shaken

from velora.onnx import export
from velora.utils import set_device

ACCELERATOR = set_device("auto")
MAKERS: dict[str, Callable[..., Any]] = {
    "PPO": make_agent,
    "SAC": lambda **options: make_agent("SAC", **options),
    "windows": lambda **options: make_agent("DQN", "LiquidPolicy", **options),
    "RecurrentPPO": recurrent_agents.make_model,
    "MemoryPPO": memory_agents.make_model,
    **{name: kind.make for name, kind in KINDS.items()},
}


@pytest.mark.skipif(
    ACCELERATOR.type == "cpu", reason="no accelerator that PyTorch can use is here"
)
@pytest.mark.parametrize("name", MAKERS)
def test_file_acts_as_the_agent_there(name: str, tmp_path: Path) -> None:
    model = shaken(MAKERS[name](device=ACCELERATOR))
    assert model.policy.device.type == ACCELERATOR.type
    export(model, tmp_path / "policy.onnx")
    assert_same(model, tmp_path / "policy.onnx", steps=25)
