"""An agent on an accelerator is seen there, and looks as it does on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traced import KINDS, assert_same, kind

from velora.report import influence, lesions, report, trace
from velora.utils import set_device

ACCELERATOR = set_device("auto")
pytestmark = pytest.mark.skipif(
    ACCELERATOR.type == "cpu", reason="no accelerator that PyTorch can use is here"
)


def moved(model: Any, folder: Path) -> Any:
    """Returns an agent as it is loaded there."""
    model.save(folder / "agent")
    loaded = type(model).load(folder / "agent", device=ACCELERATOR)
    assert loaded.policy.device.type == ACCELERATOR.type
    return loaded


@pytest.mark.parametrize("name", KINDS)
def test_neurons_do_the_same_there(name: str, tmp_path: Path) -> None:
    model = kind(name)
    env, there = model.get_env(), moved(model, tmp_path)
    seen, expected = (trace(each, env, seed=3) for each in (there, model))
    assert_same(seen, expected, rtol=1e-3, atol=1e-4)
    effects, others = influence(there, seen).neurons, influence(model, expected).neurons
    for layer, effect in effects.items():
        np.testing.assert_allclose(effect, others[layer], rtol=1e-2, atol=1e-4)
    groups = {"some": [("inter", 0), ("command", 0)]}
    options: dict[str, Any] = {"groups": groups, "n_episodes": 2, "seed": 3}
    lost, other = (lesions(each, env, **options) for each in (there, model))
    np.testing.assert_allclose(lost.returns, other.returns, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", KINDS)
def test_agent_is_reported_there(name: str, tmp_path: Path) -> None:
    model = kind(name)
    there = moved(model, tmp_path)
    report(there, model.get_env(), tmp_path / "report.html", n_episodes=1)
    assert (tmp_path / "report.html").stat().st_size > 10_000
