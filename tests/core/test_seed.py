"""One seed makes `random`, NumPy and PyTorch repeat themselves."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from velora.utils import set_seed


def draws() -> tuple[float, list[float], list[float]]:
    return random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist()


def test_same_seed_repeats_all_three_generators() -> None:
    set_seed(7)
    first = draws()
    set_seed(7)
    assert draws() == first


def test_other_seed_changes_all_three_generators() -> None:
    set_seed(7)
    first = draws()
    set_seed(8)
    assert all(a != b for a, b in zip(first, draws(), strict=True))


@pytest.mark.parametrize("value", [0, 1, 2**32 - 1, np.int64(5)])
def test_seed_used_is_returned_as_int(value: int) -> None:
    seed = set_seed(value)
    assert type(seed) is int
    assert seed == value


def test_none_draws_a_fresh_seed_that_repeats_the_run() -> None:
    set_seed(7)  # a fresh seed must not come from a generator that has been seeded
    fresh = set_seed()
    first = draws()
    set_seed(7)
    assert set_seed(None) != fresh
    set_seed(fresh)
    assert draws() == first
    assert 0 <= fresh < 2**32


@pytest.mark.parametrize("value", [-1, 2**32, 2**70])
def test_seed_outside_range_raises_before_anything_is_seeded(value: int) -> None:
    set_seed(7)
    first = draws()
    set_seed(7)
    with pytest.raises(ValueError, match=rf"between 0 and 2\*\*32 - 1.*got {value}\."):
        set_seed(value)
    assert draws() == first


@pytest.mark.parametrize("value", [1.0, "1", True, [1], np.bool_(True)])
def test_seed_that_is_no_integer_raises_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="`value` must be an integer or None; got"):
        set_seed(value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_seed_reaches_the_accelerator() -> None:
    set_seed(7)
    first = torch.rand(3, device="cuda")
    set_seed(7)
    assert torch.equal(torch.rand(3, device="cuda"), first)
