"""What ncps 1.0.1 computes is what we compute, where it is right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ncps.torch import LTC, CfC, LTCCell, WiredCfCCell
from torch import Tensor, nn
from velora_ncps import build_cfc, build_ltc
from velora_ncps.wiring import draw

F, N, OUT, T = 5, 12, 2, 4
UNITS = N + OUT
PAIRS = [(build_cfc, CfC, WiredCfCCell), (build_ltc, LTC, LTCCell)]
pairs = pytest.mark.parametrize(("build", "sequence", "cell"), PAIRS)


def make_both(build: Any, sequence: Any, cell: Any) -> tuple[nn.Module, nn.Module]:
    """Our network, and the module of ncps with the same weights."""
    ours = build(F, OUT, n_neurons=N)
    theirs = sequence(F, draw(F, N, OUT), batch_first=False)
    inner = next(module for module in theirs.modules() if isinstance(module, cell))
    inner.load_state_dict(ours.cell.state_dict())
    return ours, theirs


def one_by_one(theirs: nn.Module, x: Tensor, times: Tensor) -> Tensor:
    """Outputs of ncps where each environment is a batch of its own."""
    rows = [
        theirs(x[:, env : env + 1], timespans=times[:, env : env + 1])[0]
        for env in range(x.shape[1])
    ]
    return torch.cat(rows, dim=1)


@pairs
def test_without_times_the_numbers_are_those_of_ncps(
    build: Any, sequence: Any, cell: Any
) -> None:
    ours, theirs = make_both(build, sequence, cell)
    x, state = torch.randn(T, 3, F), torch.rand(3, UNITS)
    torch.testing.assert_close(ours.forward_sequence(x), theirs(x))
    torch.testing.assert_close(ours.forward_sequence(x, state), theirs(x, state))


def test_outputs_of_a_cfc_are_scaled_and_shifted() -> None:
    ours, theirs = make_both(*PAIRS[0])
    x = torch.randn(T, 3, F)
    with torch.no_grad():
        ours.out.weight.copy_(torch.tensor([2.0, -3.0]))
        ours.out.bias.copy_(torch.tensor([0.5, 1.0]))
    wanted = theirs(x)[0] * torch.tensor([2.0, -3.0]) + torch.tensor([0.5, 1.0])
    torch.testing.assert_close(ours.forward_sequence(x)[0], wanted)


@pairs
@pytest.mark.parametrize("batch", [1, 3, T, UNITS])
def test_with_times_the_numbers_are_those_of_ncps_one_by_one(
    build: Any, sequence: Any, cell: Any, batch: int
) -> None:
    ours, theirs = make_both(build, sequence, cell)
    x, times = torch.randn(T, batch, F), torch.rand(T, batch) + 0.5
    y, _ = ours.forward_sequence(x, timespans=times)
    torch.testing.assert_close(y, one_by_one(theirs, x, times))


@pairs
@pytest.mark.parametrize("shape", [(T, 3), (T, 3, 1)])
def test_ncps_itself_fails_where_times_differ_between_environments(
    build: Any, sequence: Any, cell: Any, shape: tuple[int, ...]
) -> None:
    _, theirs = make_both(build, sequence, cell)
    with pytest.raises(RuntimeError, match="must match the size"):
        theirs(torch.randn(T, 3, F), timespans=torch.rand(shape) + 0.5)


@pytest.mark.parametrize("shape", [(T, UNITS), (T, UNITS, 1)])
@pytest.mark.parametrize("kind", ["LTC", "CfC"])
def test_ncps_itself_gives_times_to_units_where_there_are_as_many(
    kind: str, shape: tuple[int, ...]
) -> None:
    if kind == "LTC":
        _, theirs = make_both(*PAIRS[1])
    else:  # that with AutoNCP has layers of several sizes, so it fails
        theirs = CfC(F, UNITS, batch_first=False)
    x, times = torch.randn(T, UNITS, F), torch.rand(shape) + 0.5
    alone = one_by_one(theirs, x, times)
    assert not torch.allclose(theirs(x, timespans=times)[0], alone, atol=1e-3)
