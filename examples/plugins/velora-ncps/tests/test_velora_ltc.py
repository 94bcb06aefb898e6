"""Velora's own LTC computes what that of ncps 1.0.1 does, where the latter is right."""

from __future__ import annotations

import copy

import pytest
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP, FullyConnected, Random, Wiring
from torch import Tensor

from velora.models import from_ncps

F, N, OUT, T = 5, 19, 2, 6
LIMIT = 1e-10
WIRINGS = {
    "AutoNCP": AutoNCP(N, OUT, seed=3),
    "fully connected": FullyConnected(N, OUT),
    "random": Random(N, OUT, sparsity_level=0.6),
}


def make_theirs(wiring: Wiring, unfolds: int = 6, positive: bool = True) -> LTC:
    """A module of theirs, with numbers that hide nothing."""
    theirs = LTC(
        F,
        wiring,
        batch_first=False,
        ode_unfolds=unfolds,
        implicit_param_constraints=positive,
    )
    with torch.no_grad():
        for name in ("input_w", "input_b", "output_w", "output_b"):
            getattr(theirs.rnn_cell, name).uniform_(0.5, 2)
    return theirs.double()


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=LIMIT, atol=LIMIT)


@pytest.mark.parametrize("backend", ["operators", "steps"])
@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize(("unfolds", "positive"), [(6, True), (1, True), (6, False)])
@pytest.mark.parametrize(("batch", "timed"), [(1, False), (3, False), (1, True)])
def test_values_and_gradients_are_those_of_ncps(
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    timed: bool,
    unfolds: int,
    positive: bool,
    wiring: str,
    backend: str,
) -> None:
    monkeypatch.setenv("VELORA_SCAN", backend)
    theirs = make_theirs(WIRINGS[wiring], unfolds, positive)
    ours = from_ncps(theirs).network
    x = torch.randn(T, batch, F, dtype=torch.float64)
    state = torch.rand(batch, N, dtype=torch.float64)
    times = 2 * torch.rand(T, batch, dtype=torch.float64) + 0.1 if timed else None
    leaves = [tensor.clone().requires_grad_() for tensor in (x, state)]
    others = [tensor.clone().requires_grad_() for tensor in (x, state)]
    y, h = ours.forward_sequence(*leaves, timespans=times)
    their_y, their_h = theirs(*others, timespans=times)
    close(y, their_y)
    close(h, their_h)
    factors = torch.randn(y.shape), torch.randn(h.shape)
    ((y * factors[0]).sum() + (h * factors[1]).sum()).backward()
    ((their_y * factors[0]).sum() + (their_h * factors[1]).sum()).backward()
    for mine, other in zip(leaves, others, strict=True):
        close(mine.grad, other.grad)
    graded = copy.deepcopy(theirs)  # its gradients in the place of its numbers
    with torch.no_grad():
        for number, parameter in zip(
            graded.parameters(), theirs.parameters(), strict=True
        ):
            if parameter.requires_grad:
                number.copy_(parameter.grad)
    wanted = dict(from_ncps(graded).network.named_parameters())
    for name, parameter in ours.named_parameters():
        close(parameter.grad, wanted[name])


@pytest.mark.parametrize("batch", [1, 4, T, N])
def test_batched_times_are_those_of_ncps_one_by_one(batch: int) -> None:
    theirs = make_theirs(WIRINGS["AutoNCP"])
    x = torch.randn(T, batch, F, dtype=torch.float64)
    times = torch.rand(T, batch, dtype=torch.float64) + 0.1
    alone = [
        theirs(x[:, row : row + 1], timespans=times[:, row : row + 1])[0]
        for row in range(batch)
    ]
    ours = from_ncps(theirs).network
    close(ours.forward_sequence(x, timespans=times)[0], torch.cat(alone, dim=1))
