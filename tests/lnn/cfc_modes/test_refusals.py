"""What networks of cells in all modes refuse, and in which words."""

import pytest
import torch
from closed_forms import NETWORKS, OUT, F, N

from velora.models import CfCLayersNetwork, CfCNetwork, MixedMemory
from velora.models.builders import build_cfc
from velora.models.lnn import DefaultCfCCell


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mode": "gated"}, ValueError, r"`mode` must be .*'no_gate'.*got 'gated'"),
        ({"mode": ["pure"]}, ValueError, r"`mode` must be one of"),
        ({"n_neurons": 0}, ValueError, "`n_neurons` must be at least 1; got 0"),
        ({"n_neurons": 2.5}, TypeError, "`n_neurons` must be an integer; got 2.5"),
        ({"backbone_units": 0}, ValueError, "`backbone_units` must be at least 1"),
        ({"backbone_layers": -1}, ValueError, "`backbone_layers` must not be negative"),
        ({"backbone_layers": True}, TypeError, "`backbone_layers` must be an integer"),
        ({"backbone_dropout": -0.1}, ValueError, r"in \[0, 1\); got -0.1"),
        ({"backbone_dropout": 1}, ValueError, r"`backbone_dropout` .* got 1"),
        ({"backbone_dropout": "0"}, TypeError, "`backbone_dropout` must be a number"),
        ({"backbone_units": 10**9}, ValueError, "memory"),
    ],
)
def test_wrong_options_are_refused(options, error, text):
    with pytest.raises(error, match=text):
        build_cfc(F, OUT, **options)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mode": "gated"}, ValueError, "`mode` must be one of"),
        ({"wiring": 3}, TypeError, "`wiring` must be a registered name"),
        ({"sparsity_level": 1.0}, ValueError, r"must be between '\[0.1, 0.9\]'"),
    ],
)
def test_wrong_options_of_layers_are_refused(options, error, text):
    with pytest.raises(error, match=text):
        CfCLayersNetwork(F, N, OUT, **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_arguments_are_refused(name):
    network = NETWORKS[name]()
    size = network.hidden_size
    for arguments, text in [
        ((torch.zeros(F),), "Unsupported dimensionality"),
        ((torch.zeros(5, F + 1),), r"\(batch, 3\); got \(5, 4\)"),
        ((torch.zeros(5, F), torch.zeros(4, size)), rf"\(5, {size}\); got \(4, "),
        ((torch.zeros(5, F), torch.zeros(5, size + 1)), rf"\(5, {size}\); got"),
        ((torch.zeros(5, F), None, torch.ones(4)), "`timespans` must be a number"),
        ((torch.zeros(5, F), None, -1.0), "neither negative nor NaN; got -1.0"),
    ]:
        for step in (network, network.frozen_step()):
            with pytest.raises(ValueError, match=text):
                step(*arguments)
    with pytest.raises(ValueError, match="`resets` must have shape"):
        network.forward_sequence(torch.zeros(4, 5, F), resets=torch.zeros(5, 4))


def test_what_is_no_network_has_no_mixed_memory():
    for wrong in (torch.nn.GRU(F, 4), CfCNetwork, None):
        with pytest.raises(TypeError, match="`network` must be a network that goes"):
            MixedMemory(wrong)


def test_masks_that_a_cell_cannot_have_are_refused():
    mask = torch.ones(F, 4)
    with pytest.raises(ValueError, match=r"`backbone_layers` must be 0 .* got 1"):
        DefaultCfCCell(F, 4, mask, backbone_layers=1)
    with pytest.raises(ValueError, match="made without"):
        DefaultCfCCell(F, 4).update_mask(mask)
    cell = DefaultCfCCell(F, 4, mask)
    for wrong, text in (
        (mask.T, r"got \(4, 3\). Transpose it"),
        (mask * 2, r"must hold -1 .* got \[2"),
    ):
        for refuse in (lambda m=wrong: DefaultCfCCell(F, 4, m), cell.update_mask):
            with pytest.raises(ValueError, match=text):
                refuse(wrong) if refuse == cell.update_mask else refuse()
    bad = {**cell.state_dict(), "sparsity_mask": torch.full((4, 7), 3.0)}
    with pytest.raises(RuntimeError, match="`sparsity_mask` must hold 0"):
        cell.load_state_dict(bad)
