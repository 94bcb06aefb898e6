"""Gates and time constants are those of the cells' equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from velora.models.lnn import GatedLeakyCell, NCPLiquidCell
from velora.models.lnn.gates import gate_and_time_constant


def step(cell: type[Any], timespans: Any) -> Any:
    """Returns a cell, a step's arguments and what is said of it."""
    torch.manual_seed(0)
    made = cell(5, 4, torch.ones(5, 4))
    x, hidden = torch.randn(3, 5), torch.rand(3, 4) - 0.5
    with torch.no_grad():
        return made, x, hidden, *gate_and_time_constant(made, x, hidden, timespans)


@pytest.mark.parametrize("timespans", [None, 0.0, 2.5, torch.tensor([0.5, 1.0, 3.0])])
def test_gate_makes_the_next_state(timespans: Any) -> None:
    cell, x, hidden, gate, _ = step(GatedLeakyCell, timespans)
    z = torch.cat((x, hidden), dim=1)
    with torch.no_grad():
        expected = hidden + gate * (torch.tanh(cell.k_head(z)) - hidden)
        torch.testing.assert_close(cell(x, hidden, timespans)[1], expected)
    cell, x, hidden, gate, _ = step(NCPLiquidCell, timespans)
    z = torch.cat((x, hidden), dim=1)
    with torch.no_grad():
        g, h = torch.tanh(cell.g_head(z)), torch.tanh(cell.h_head(z))
        torch.testing.assert_close(cell(x, hidden, timespans)[1], g + gate * (h - g))


def test_after_the_time_constant_all_but_one_part_of_e_has_leaked() -> None:
    cell, x, hidden, _, time_constant = step(GatedLeakyCell, None)
    for index in range(4):
        gate, _ = gate_and_time_constant(cell, x, hidden, time_constant[:, index])
        expected = torch.full((3,), 1 - np.exp(-1.0), dtype=torch.float32)
        torch.testing.assert_close(gate[:, index], expected)


def test_after_the_time_constant_the_odds_of_a_gate_are_another_factor_e() -> None:
    cell, x, hidden, gate, time_constant = step(NCPLiquidCell, 1.0)
    odds = gate / (1 - gate)
    for index in range(4):
        later, _ = gate_and_time_constant(cell, x, hidden, 1 + time_constant[:, index])
        ratio = (later / (1 - later) / odds)[:, index].log().abs()
        torch.testing.assert_close(ratio, torch.ones(3), rtol=1e-3, atol=1e-3)


def test_other_cells_have_none() -> None:
    cell = torch.nn.Linear(2, 2)
    assert gate_and_time_constant(cell, torch.ones(1, 2), torch.ones(1, 2)) is None
