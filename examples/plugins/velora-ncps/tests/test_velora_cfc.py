"""Velora's own CfC computes what that of ncps 1.0.1 does, where the latter is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ncps.torch import CfC
from ncps.wirings import AutoNCP
from torch import Tensor, nn
from velora_ncps.wiring import LAYERS

from velora.models import CfCLayersNetwork, CfCNetwork, MixedMemory
from velora.models.lnn import CfCCell
from velora.models.lnn.sequences import SequenceNetwork
from velora.wiring import Connectome, LayerMasks

F, H, UNITS, OUT, T = 5, 7, 9, 2, 6
LIMIT = 1e-10
MODES = ["default", "no_gate", "pure"]
HEADS = ("ff1", "ff2", "time_a", "time_b")
Pairs = list[tuple[nn.Parameter, list[Tensor], bool]]
"""A parameter of ours, those of theirs, and whether theirs are stacked."""


def pairs_of_cell(ours: Any, theirs: Any) -> Pairs:
    """Pairs the parameters of a cell."""
    heads = [getattr(theirs, name) for name in HEADS if hasattr(theirs, name)]
    pairs: Pairs = [
        (ours.weight, [head.weight for head in heads], True),
        (ours.bias, [head.bias for head in heads], True),
    ]
    if ours.vectors is not None:
        pairs.append((ours.vectors, [theirs.A, theirs.w_tau], False))
    layers = getattr(theirs, "backbone", None) or []
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if linear:
        pairs.append((ours.backbone_weight, [linear[0].weight], False))
        pairs.append((ours.backbone_bias, [linear[0].bias], False))
    if linear[1:]:
        pairs.append((ours.deep_weight, [layer.weight for layer in linear[1:]], True))
        pairs.append((ours.deep_bias, [layer.bias for layer in linear[1:]], True))
    return pairs


def pairs_of(ours: SequenceNetwork, theirs: Any) -> Pairs:
    """Pairs the parameters of a network."""
    if isinstance(ours, MixedMemory):
        lstm, (inputs, bias) = theirs.lstm, theirs.lstm.input_map.parameters()
        return [
            (ours.input_weight, [inputs], False),
            (ours.input_bias, [bias], False),
            (ours.recurrent_weight, [lstm.recurrent_map.weight], False),
            *pairs_of(ours.network, theirs),
        ]
    if isinstance(ours, CfCLayersNetwork):
        cells = [getattr(theirs.rnn_cell, f"layer_{n}") for n in range(3)]
        both = zip(ours.cells, cells, strict=True)
        return [pair for each in both for pair in pairs_of_cell(*each)]
    pairs = pairs_of_cell(ours.cell, theirs.rnn_cell)
    if isinstance(ours.motor, nn.Linear):
        pairs.append((ours.motor.weight, [theirs.fc.weight], False))
        pairs.append((ours.motor.bias, [theirs.fc.bias], False))
    return pairs


def joined(tensors: list[Tensor], stacked: bool, like: Tensor) -> Tensor:
    return (torch.stack if stacked else torch.cat)(tensors).view_as(like)


def both_of(ours: SequenceNetwork, theirs: CfC) -> tuple[SequenceNetwork, CfC]:
    """Gives our network the numbers of theirs."""
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():
        for mine, others, stacked in pairs_of(ours, theirs):
            mine.copy_(joined(others, stacked, mine))
    return ours, theirs


def dense(mode: str, layers: int, **options: Any) -> tuple[CfCNetwork, CfC]:
    backbone = {"backbone_units": UNITS, "backbone_layers": layers}
    size = options.get("proj_size")
    ours = CfCNetwork(F, size, n_neurons=H, mode=mode, **backbone)
    return ours, CfC(F, H, mode=mode, batch_first=False, **backbone, **options)


def layered(mode: str, **options: Any) -> tuple[CfCLayersNetwork, CfC]:
    drawn = AutoNCP(17, OUT, seed=3)
    theirs = CfC(F, drawn, mode=mode, batch_first=False, **options)
    inter, command, motor = (drawn.get_neurons_of_layer(n) for n in LAYERS.values())

    def synapses(matrix: np.ndarray, starts: list[int], ends: list[int]) -> Tensor:
        return torch.as_tensor(matrix[np.ix_(starts, ends)])

    masks = LayerMasks(
        inter=synapses(drawn.sensory_adjacency_matrix, list(range(F)), inter),
        command=synapses(drawn.adjacency_matrix, inter, command),
        motor=synapses(drawn.adjacency_matrix, command, motor),
    )
    wiring = Connectome(masks)
    return CfCLayersNetwork(F, None, OUT, wiring=wiring, mode=mode), theirs


def mixed(kind: str, mode: str) -> tuple[MixedMemory, CfC]:
    make = dense(mode, 1, mixed_memory=True) if kind == "dense" else None
    ours, theirs = make or layered(mode, mixed_memory=True)
    return MixedMemory(ours), theirs


CASES = {
    **{
        f"{mode}, {layers} layers": lambda mode=mode, layers=layers: dense(mode, layers)
        for mode in MODES
        for layers in range(3)
    },
    "projected": lambda: dense("default", 1, proj_size=3),
    **{f"in layers, {mode}": lambda mode=mode: layered(mode) for mode in MODES},
    **{
        f"mixed, {kind}, {mode}": lambda kind=kind, mode=mode: mixed(kind, mode)
        for kind in ("dense", "in layers")
        for mode in MODES
    },
}


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=LIMIT, atol=LIMIT)


@pytest.mark.parametrize("backend", ["operators", "steps"])
@pytest.mark.parametrize(("batch", "timed"), [(1, False), (3, False), (1, True)])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_ncps(
    monkeypatch: pytest.MonkeyPatch, case: str, batch: int, timed: bool, backend: str
) -> None:
    monkeypatch.setenv("VELORA_SCAN", backend)
    ours, theirs = both_of(*CASES[case]())
    x = torch.randn(T, batch, F, dtype=torch.float64)
    state = torch.randn(batch, ours.hidden_size, dtype=torch.float64)
    times = 2 * torch.rand(T, batch, dtype=torch.float64) + 0.1 if timed else None
    leaves = [tensor.clone().requires_grad_() for tensor in (x, state)]
    others = [tensor.clone().requires_grad_() for tensor in (x, state)]
    y, h = ours.forward_sequence(*leaves, timespans=times)
    is_mixed = isinstance(ours, MixedMemory)
    given = others[1].chunk(2, dim=1) if is_mixed else others[1]
    their_y, their_h = theirs(others[0], given, timespans=times)
    their_h = torch.cat(their_h, dim=1) if is_mixed else their_h
    close(y, their_y)
    close(h, their_h)
    factors = torch.randn_like(y), torch.randn_like(h)
    ((y * factors[0]).sum() + (h * factors[1]).sum()).backward()
    ((their_y * factors[0]).sum() + (their_h * factors[1]).sum()).backward()
    for mine, other in zip(leaves, others, strict=True):
        close(mine.grad, other.grad)
    pairs = pairs_of(ours, theirs)
    assert {id(mine) for mine, *_ in pairs} == set(map(id, ours.parameters()))
    for mine, of_them, stacked in pairs:
        grads = [other.grad for other in of_them]
        close(mine.grad, joined(grads, stacked, mine))


@pytest.mark.parametrize("case", CASES)
def test_batched_times_are_those_of_ncps_one_by_one(case: str) -> None:
    ours, theirs = both_of(*CASES[case]())
    x = torch.randn(T, 4, F, dtype=torch.float64)
    times = torch.rand(T, 4, dtype=torch.float64) + 0.1
    zeros: Any = ours.initial_state(1)  # theirs are of single precision
    zeros = zeros.chunk(2, dim=1) if isinstance(ours, MixedMemory) else zeros
    alone = [
        theirs(x[:, row : row + 1], zeros, timespans=times[:, row : row + 1])[0]
        for row in range(4)
    ]
    close(ours.forward_sequence(x, timespans=times)[0], torch.cat(alone, dim=1))


def test_a_mask_is_that_of_ncps() -> None:
    ours, theirs = layered("default")
    for n, cell in enumerate(ours.cells):
        assert isinstance(cell, CfCCell)
        mask = getattr(theirs.rnn_cell, f"layer_{n}").sparsity_mask
        assert torch.equal(cell.sparsity_mask, mask != 0)
