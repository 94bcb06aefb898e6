"""How long neurons remember at first: time constants in a range that is given."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from velora.models import GatedLeakyNCPNetwork, load_network, save_network


def make(time_constants: Any = None) -> GatedLeakyNCPNetwork:
    torch.manual_seed(0)
    return GatedLeakyNCPNetwork(3, 500, 2, time_constants=time_constants)


def of(network: GatedLeakyNCPNetwork) -> torch.Tensor:
    """Time constants of a cell whose inputs are zero."""
    return 1 / torch.nn.functional.softplus(network.command.f_head.bias.detach())


@pytest.mark.parametrize("between", [(1, 100), (0.001, 0.5), [20.0, 1e6]])
def test_time_constants_are_log_uniform_in_the_range(between: Any) -> None:
    shortest, longest = between
    times = of(make(between)).double()
    assert times.min() >= shortest * (1 - 1e-4)
    assert times.max() <= longest * (1 + 1e-4)
    places = torch.log(times / shortest) / math.log(longest / shortest)
    assert abs(places.mean() - 0.5) < 0.06
    assert abs(places.std() - 12**-0.5) < 0.03


def test_state_decays_by_its_time_constant() -> None:
    cell = make((10, 10)).command
    with torch.no_grad():
        for head in cell.heads:
            head.weight.zero_()
        cell.k_head.bias.zero_()
    start = torch.rand(4, cell.n_hidden)
    _, later = cell(torch.zeros(4, cell.in_features), start, 30.0)
    torch.testing.assert_close(later, start * math.exp(-3))


def test_nothing_else_changes() -> None:
    plain, slow = make(), make((1, 100))
    for (name, one), (_, other) in zip(
        plain.named_parameters(), slow.named_parameters(), strict=True
    ):
        assert torch.equal(one, other) == (name != "command.f_head.bias")


def test_file_keeps_them(tmp_path: Any) -> None:
    network = make((1, 100))
    save_network(network, tmp_path / "network.safetensors")
    assert torch.equal(of(load_network(tmp_path / "network.safetensors")), of(network))


@pytest.mark.parametrize("given", [5, "12", (1,), (1, 2, 3), (1, "2"), (True, 2)])
def test_other_than_two_numbers_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="two numbers"):
        make(given)


@pytest.mark.parametrize(
    "given", [(0, 1), (-1, 1), (2, 1), (1, math.inf), (math.nan, 1), (1, math.nan)]
)
def test_numbers_that_are_no_range_are_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="0 < shortest <= longest"):
        make(given)
