"""Counts of parameters: those that train, and those that no mask removes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from velora.utils import active_parameters, total_parameters


class Masked(nn.Module):
    """Follows the convention: `weight` is multiplied by `mask`."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 3))
        self.bias = nn.Parameter(torch.zeros(2))
        self.register_buffer("mask", mask)


MASK = torch.tensor([[1, 0, -1], [0, 0, 1]])  # keeps 3 of 6


def test_total_counts_weights_and_biases() -> None:
    assert total_parameters(nn.Linear(3, 2)) == 8
    assert total_parameters(nn.Sequential(nn.Linear(3, 2), nn.Mish())) == 8


def test_shared_module_is_counted_once() -> None:
    layer = Masked(MASK)
    both = nn.ModuleList([layer, layer])
    assert total_parameters(both) == 8
    assert active_parameters(both) == 5


def test_shared_weight_is_counted_once() -> None:
    first, second = Masked(MASK), Masked(MASK)
    second.weight = first.weight
    both = nn.ModuleList([first, second])
    assert total_parameters(both) == 6 + 2 + 2
    assert active_parameters(both) == 3 + 2 + 2


def test_frozen_parameters_are_left_out() -> None:
    layer = Masked(MASK)
    layer.weight.requires_grad_(False)
    assert total_parameters(layer) == 2
    assert active_parameters(layer) == 2


def test_buffers_are_no_parameters() -> None:
    assert total_parameters(nn.BatchNorm1d(4)) == 8


@pytest.mark.parametrize("dtype", [torch.int32, torch.float32, torch.bool])
def test_active_counts_what_the_mask_keeps(dtype: torch.dtype) -> None:
    assert active_parameters(Masked(MASK.to(dtype))) == 5


@pytest.mark.parametrize(("mask", "kept"), [(torch.zeros, 2), (torch.ones, 8)])
def test_active_with_empty_and_full_mask(mask: object, kept: int) -> None:
    assert active_parameters(Masked(mask(2, 3))) == kept


def test_active_finds_masked_modules_at_any_depth() -> None:
    deep = nn.Sequential(nn.Linear(3, 2), nn.Sequential(Masked(MASK)))
    assert total_parameters(deep) == 16
    assert active_parameters(deep) == 13


def test_mask_that_fits_no_weight_removes_nothing() -> None:
    assert active_parameters(Masked(MASK[0])) == 8
    layer = nn.Linear(3, 2)
    layer.mask = [0, 0, 0]
    assert active_parameters(layer) == 8


@pytest.mark.parametrize("count", [total_parameters, active_parameters])
@pytest.mark.parametrize("module", [None, [nn.Linear(1, 1)], nn.Linear])
def test_what_is_no_module_raises_type_error(count: object, module: object) -> None:
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module; got \w+"):
        count(module)


def test_weight_that_is_shared_counts_what_any_of_its_masks_keeps() -> None:
    one, other = Masked(torch.eye(2, 3)), Masked(1 - torch.eye(2, 3))
    other.weight = one.weight
    both = nn.ModuleList([one, other])
    assert active_parameters(both) == total_parameters(both)
