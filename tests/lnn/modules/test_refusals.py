"""What a recurrent module refuses, and in which words."""

import sys

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from velora.models import LTC, CfC, from_ncps
from velora.wiring import Wiring
from velora.wiring.ncps import AutoNCP, FullyConnected

B, T, F, H = 3, 5, 2, 4
X = torch.zeros(B, T, F)


@pytest.fixture(scope="module")
def module():
    return LTC(F, H)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": torch.zeros(F)}, r"`x` must have shape \(B, T, F\), or \(T, F\)"),
        ({"x": torch.zeros(B, T, F + 1)}, r"with F = 2 .*; got \(3, 5, 3\)"),
        ({"x": torch.zeros(B, 0, F)}, "at least one row and step"),
        ({"hx": torch.zeros(1, B, H)}, r"`hx` must have shape \(B, H\) = \(3, 4\)"),
        ({"hx": torch.zeros(H)}, r"`hx` must have shape \(B, H\) = \(3, 4\)"),
        (
            {"x": X[0], "hx": torch.zeros(1, H)},
            r"`hx` must have shape \(H,\) = \(4,\); got \(1, 4\)",
        ),
        ({"timespans": torch.ones(T, B)}, r"\(B, T\) = \(3, 5\).*; got \(5, 3\)"),
        ({"timespans": torch.ones(T)}, r"\(B, T\) = \(3, 5\).*; got \(5,\)"),
        ({"x": X[0], "timespans": torch.ones(1, T)}, r"\(T,\) = \(5,\).*got \(1, 5\)"),
        ({"timespans": -torch.ones(B, T)}, "neither negative nor NaN"),
        ({"timespans": "soon"}, "`timespans` must be a number"),
        ({"lengths": torch.tensor([5, 4])}, r"`lengths` must have shape \(batch,\)"),
        ({"lengths": [5, 0, 1]}, r"from 1 to .*, 5; got \[5, 0, 1\]. Leave rows"),
        ({"lengths": [5, 6, 1]}, r"from 1 to .*, 5; got \[5, 6, 1\]"),
    ],
)
def test_a_wrong_shape_is_named(module, arguments, words):
    with pytest.raises(ValueError, match=words):
        module(**{"x": X, **arguments})


def test_lengths_beside_packed_ones_are_refused(module):
    packed = pack_padded_sequence(X, torch.tensor([5, 4, 1]), batch_first=True)
    with pytest.raises(ValueError, match="`lengths` must be left out"):
        module(packed, lengths=[5, 4, 1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": X.numpy()}, "`x` must be a tensor; got ndarray"),
        ({"hx": (torch.zeros(B, H),) * 2}, "`hx` must be a tensor.*tuple of 2"),
        ({"hx": X.numpy()}, "`hx` must be a tensor"),
        ({"lengths": torch.ones(B)}, "`lengths` must be integers; got torch.float32"),
        ({"lengths": torch.ones(B).bool()}, "`lengths` must be integers"),
    ],
)
def test_a_wrong_type_is_named(module, arguments, words):
    with pytest.raises(TypeError, match=words):
        module(**{"x": X, **arguments})


@pytest.mark.parametrize(
    ("units", "error", "words"),
    [
        (0, ValueError, "`units` must be at least 1"),
        (True, TypeError, "`units` must be an integer, a wiring of velora.wiring"),
        ("ncp", TypeError, "`units` must be an integer, a wiring of velora.wiring"),
        (AutoNCP, TypeError, "`units` must be an integer"),
        (Wiring(3, 6, 2), ValueError, "must have the neurons that the network is"),
        (FullyConnected(4).build(3), ValueError, "that of the wiring, 3; got 2"),
    ],
)
def test_units_that_are_none_are_refused(units, error, words):
    with pytest.raises(error, match=words):
        LTC(F, units)


def test_sizes_and_options_are_checked():
    with pytest.raises(TypeError, match="`input_size` must be an integer"):
        LTC(2.5, 4)
    with pytest.raises(TypeError, match="`positive` must be True or False"):
        LTC(F, 4, positive=1)
    with pytest.raises(ValueError, match="`ode_unfolds` must be at least 1"):
        LTC(F, 4, ode_unfolds=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"units": FullyConnected(4)}, "or a wiring in layers.*got Unlayered"),
        ({"units": AutoNCP(8, 2), "backbone_units": 3}, "no backbone.*'backbone_uni"),
        ({"units": AutoNCP(8, 2), "mode": "fast"}, "fast"),
        ({"units": 4, "mode": "fast"}, "fast"),
        ({"units": 4, "proj_size": 0}, "`proj_size` must be at least 1"),
        ({"units": 4, "backbone_dropout": 1.0}, "`backbone_dropout` must be in"),
    ],
)
def test_options_of_a_cfc_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        CfC(F, **arguments)


def test_mixed_memory_takes_a_pair():
    module = CfC(F, H, mixed_memory=True)
    with pytest.raises(TypeError, match=r"`hx` must be a pair \(h, c\) of tensors"):
        module(X, torch.zeros(B, H))
    with pytest.raises(ValueError, match=r"\(B, H\) = \(3, 4\); got \(3, 8\)"):
        module(X, (torch.zeros(B, H), torch.zeros(B, 2 * H)))


def test_weights_of_ncps_need_ncps(monkeypatch):
    for name in ("ncps", "ncps.torch"):  # as where it is not installed
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="which is not installed: pip install ncps"):
        from_ncps(torch.nn.Linear(1, 1))
