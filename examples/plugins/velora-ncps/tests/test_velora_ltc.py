"""Velora's own LTC computes what that of ncps 1.0.1 does, where the latter is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP, FullyConnected, Random, Wiring
from torch import Tensor, nn
from velora_ncps.wiring import LAYERS

from velora.models import LTCNetwork, MixedMemory
from velora.models.lnn import LTCCell
from velora.wiring import Connectome, LayerMasks

F, N, OUT, T = 5, 17, 2, 6
LIMIT = 1e-10
NEURONS = {"leak": "gleak", "leak_potential": "vleak", "capacitance": "cm"}
SYNAPSES = {"weight": "w", "reversal": "erev", "mu": "mu", "sigma": "sigma"}


def as_wiring(drawn: AutoNCP) -> Connectome:
    """Gives a wiring of theirs, which was built, as one of ours."""
    inter, command, motor = (drawn.get_neurons_of_layer(n) for n in LAYERS.values())

    def synapses(matrix: np.ndarray, starts: list[int], ends: list[int]) -> Tensor:
        return torch.as_tensor(matrix[np.ix_(starts, ends)])

    return Connectome(
        LayerMasks(
            inter=synapses(drawn.sensory_adjacency_matrix, list(range(F)), inter),
            command=synapses(drawn.adjacency_matrix, inter, command),
            motor=synapses(drawn.adjacency_matrix, command, motor),
            recurrent=synapses(drawn.adjacency_matrix, command, command),
        )
    )


def pairs_of(
    ours: LTCCell, theirs: nn.Module
) -> list[tuple[nn.Parameter, list[nn.Parameter]]]:
    """Pairs our parameters of a cell with theirs, from inputs and from neurons."""
    pairs = [(getattr(ours, k), [getattr(theirs, v)]) for k, v in NEURONS.items()]
    for name, other in SYNAPSES.items():
        both = [getattr(theirs, prefix + other) for prefix in ("sensory_", "")]
        pairs.append((getattr(ours, name), both))
    return pairs


@torch.no_grad()
def carry_over(ours: LTCCell, theirs: Any) -> None:
    """Gives our cell the numbers of theirs."""
    for parameter, others in pairs_of(ours, theirs):
        parameter.copy_(torch.cat(others).mT if parameter.dim() == 2 else others[0])


def make_both(positive: bool = True, **options: Any) -> tuple[LTCNetwork, LTC]:
    """Our network and theirs, with the same wiring and the same numbers."""
    drawn = AutoNCP(N + OUT, OUT, seed=3)
    options |= {"batch_first": False, "implicit_param_constraints": positive}
    theirs = LTC(F, drawn, **options).double()
    wiring = as_wiring(drawn)
    ours = LTCNetwork(F, N, OUT, wiring=wiring, positive=positive).double()
    cell = theirs.rnn_cell
    with torch.no_grad():
        for name in ("input_w", "input_b", "output_w", "output_b"):
            getattr(cell, name).uniform_(0.5, 2)
        for mine, other in affine(ours, cell):
            mine.copy_(other)
    carry_over(ours.cell, cell)
    return ours, theirs


def affine(ours: LTCNetwork, cell: Any) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Pairs what inputs and outputs are scaled and shifted with."""
    return [
        (ours.sensory.weight, cell.input_w),
        (ours.sensory.bias, cell.input_b),
        (ours.motor.weight, cell.output_w),
        (ours.motor.bias, cell.output_b),
    ]


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=LIMIT, atol=LIMIT)


@pytest.mark.parametrize("backend", ["operators", "steps"])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize(("batch", "timed"), [(1, False), (3, False), (1, True)])
def test_values_and_gradients_are_those_of_ncps(
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    timed: bool,
    positive: bool,
    backend: str,
) -> None:
    monkeypatch.setenv("VELORA_SCAN", backend)
    ours, theirs = make_both(positive)
    x = torch.randn(T, batch, F, dtype=torch.float64)
    state = torch.rand(batch, N + OUT, dtype=torch.float64)
    times = 2 * torch.rand(T, batch, dtype=torch.float64) + 0.1 if timed else None
    leaves = [tensor.clone().requires_grad_() for tensor in (x, state)]
    others = [tensor.clone().requires_grad_() for tensor in (x, state)]
    y, h = ours.forward_sequence(*leaves, timespans=times)
    their_y, their_h = theirs(*others, timespans=times)
    close(y, their_y)
    close(h, their_h)
    factors = torch.randn_like(y), torch.randn_like(h)
    ((y * factors[0]).sum() + (h * factors[1]).sum()).backward()
    ((their_y * factors[0]).sum() + (their_h * factors[1]).sum()).backward()
    for mine, other in zip(leaves, others, strict=True):
        close(mine.grad, other.grad)
    cell = theirs.rnn_cell
    for mine, other in affine(ours, cell):
        close(mine.grad, other.grad)
    for mine, of_both in pairs_of(ours.cell, cell):
        grads = [other.grad for other in of_both]
        close(mine.grad, torch.cat(grads).mT if mine.dim() == 2 else grads[0])


@pytest.mark.parametrize("batch", [1, 4, T, N + OUT])
def test_batched_times_are_those_of_ncps_one_by_one(batch: int) -> None:
    ours, theirs = make_both()
    x = torch.randn(T, batch, F, dtype=torch.float64)
    times = torch.rand(T, batch, dtype=torch.float64) + 0.1
    alone = [
        theirs(x[:, row : row + 1], timespans=times[:, row : row + 1])[0]
        for row in range(batch)
    ]
    close(ours.forward_sequence(x, timespans=times)[0], torch.cat(alone, dim=1))


def test_mixed_memory_is_that_of_ncps() -> None:
    network, theirs = make_both(mixed_memory=True)
    ours, lstm = MixedMemory(network).double(), theirs.lstm
    with torch.no_grad():
        ours.input_weight.copy_(lstm.input_map.weight)
        ours.input_bias.copy_(lstm.input_map.bias)
        ours.recurrent_weight.copy_(lstm.recurrent_map.weight)
    x = torch.randn(T, 3, F, dtype=torch.float64)
    state = torch.rand(3, 2 * (N + OUT), dtype=torch.float64)
    y, h = ours.forward_sequence(x, state)
    their_y, their_h = theirs(x, state.chunk(2, dim=1))
    close(y, their_y)
    close(h, torch.cat(their_h, dim=1))


@pytest.mark.parametrize(
    "wiring",
    [FullyConnected(9, 3), Random(9, 3, sparsity_level=0.6), AutoNCP(9, 3)],
    ids=["fully connected", "random", "AutoNCP"],
)
@pytest.mark.parametrize("unfolds", [1, 6])
def test_cell_takes_any_wiring_of_ncps(wiring: Wiring, unfolds: int) -> None:
    theirs = LTC(F, wiring, ode_unfolds=unfolds, batch_first=False).double()
    matrices = wiring.sensory_adjacency_matrix, wiring.adjacency_matrix
    mask = torch.cat([torch.as_tensor(matrix) for matrix in matrices])
    ours = LTCCell(F, 9, mask, ode_unfolds=unfolds).double()
    carry_over(ours, theirs.rnn_cell)
    x = torch.randn(T, 3, F, dtype=torch.float64)
    states, _ = ours.over_time(x, x.new_zeros(3, 9))
    y, h = theirs(x)
    close(states[..., :3], y)
    close(states[-1], h)
    assert int(ours.n_synapses) == int((mask != 0).sum())
