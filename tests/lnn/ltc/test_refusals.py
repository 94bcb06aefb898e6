"""What a network of liquid time-constant neurons refuses, and in which words."""

import pytest
import torch
from circuits import OUT, SIZES, F, N

from velora.models import LTCNetwork
from velora.models.lnn import LTCCell


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"ode_unfolds": 0}, ValueError, "`ode_unfolds` must be at least 1; got 0"),
        ({"ode_unfolds": 1.5}, TypeError, "`ode_unfolds` must be an integer; got 1.5"),
        ({"positive": 1}, TypeError, "`positive` must be True or False; got 1"),
        ({"wiring": 3}, TypeError, "`wiring` must be a registered name"),
        ({"sparsity_level": 1.0}, ValueError, r"must be between '\[0.1, 0.9\]'"),
    ],
)
def test_wrong_options_are_refused(options, error, text):
    with pytest.raises(error, match=text):
        LTCNetwork(*SIZES, **options)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((torch.zeros(F),), "Unsupported dimensionality"),
        ((torch.zeros(5, F + 1),), r"\(batch, 3\); got \(5, 4\)"),
        ((torch.zeros(5, F), torch.zeros(4, N + OUT)), r"\(5, 14\); got \(4, 14\)"),
        ((torch.zeros(5, F), None, torch.ones(4)), "`timespans` must be a number"),
        ((torch.zeros(5, F), None, -1.0), "neither negative nor NaN; got -1.0"),
        ((torch.zeros(5, F), None, float("nan")), "neither negative nor NaN; got nan"),
    ],
)
def test_wrong_arguments_are_refused(arguments, text):
    network = LTCNetwork(*SIZES)
    for step in (network, network.frozen_step()):
        with pytest.raises(ValueError, match=text):
            step(*arguments)


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (torch.zeros(4, 7), r"= \(7, 4\); got \(4, 7\). Transpose it"),
        (torch.full((7, 4), 2), r"must hold -1 .* got \[2, 2, 2\]"),
    ],
)
def test_wrong_masks_are_refused(mask, text):
    cell = LTCCell(3, 4, torch.ones(7, 4))
    for refuse in (lambda: LTCCell(3, 4, mask), lambda: cell.update_mask(mask)):
        with pytest.raises(ValueError, match=text):
            refuse()
    with pytest.raises(TypeError, match="`mask` must be a tensor"):
        LTCCell(3, 4, mask.tolist())
    bad = {**cell.state_dict(), "sparsity_mask": torch.full((4, 7), 3.0)}
    with pytest.raises(RuntimeError, match="`sparsity_mask` must hold 0"):
        cell.load_state_dict(bad)
