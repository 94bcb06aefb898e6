"""Bad input is told in words: what must be, what came, what to do."""

import numpy as np
import pytest
import torch

from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork, NCPNetwork
from velora.models.lnn import NCPLiquidCell, SparseLinear
from velora.utils import check_memory

X = np.zeros((4, 3), dtype=np.float32)
HUGE = 10**7


@pytest.mark.parametrize(
    "call",
    [
        lambda: NCPNetwork(3, 10, 2)(X),
        lambda: LiquidNCPNetwork(3, 10, 2)(X),
        lambda: LiquidNCPNetwork(3, 10, 2).forward_sequence(X[None]),
        lambda: LiquidNCPNetwork(3, 10, 2).frozen_step()(X),
        lambda: GatedLeakyNCPNetwork(3, 10, 2)(X),
        lambda: GatedLeakyNCPNetwork(3, 10, 2).forward_sequence(X[None]),
        lambda: GatedLeakyNCPNetwork(3, 10, 2).frozen_step()(X),
        lambda: SparseLinear(3, 2, torch.ones(2, 3))(X),
        lambda: NCPLiquidCell(3, 2, torch.ones(3, 2))(X, torch.zeros(4, 2)),
        lambda: LiquidNCPNetwork(3, 10, 2)([[0.0, 0.0, 0.0]]),
        lambda: LiquidNCPNetwork(3, 10, 2)(torch.zeros(4, 3), np.zeros((4, 4))),
    ],
)
def test_what_is_no_tensor_is_named(call):
    with pytest.raises(TypeError, match=r"`\w+` must be a tensor; got (ndarray|list)"):
        call()


@pytest.mark.parametrize("bias", ["x", None, 1, torch.ones(2)])
def test_bias_is_a_choice(bias):
    with pytest.raises(TypeError, match="`bias` must be True or False; got"):
        SparseLinear(3, 2, torch.ones(2, 3), bias=bias)


@pytest.mark.parametrize("kind", [NCPNetwork, LiquidNCPNetwork])
@pytest.mark.parametrize(
    "sizes", [(3, 10**400, 2), (HUGE, HUGE, 2), (3, HUGE, HUGE), (3, 10**5000, 2)]
)
@pytest.mark.parametrize("wiring", [None, "dense", "small-world"])
def test_sizes_that_cannot_fit_are_refused_with_their_bytes(kind, sizes, wiring):
    with pytest.raises(ValueError, match=r"must fit in memory; got .* bytes, where"):
        kind(*sizes, wiring=wiring)


def test_weights_that_cannot_fit_are_refused_where_they_would_lie():
    mask = torch.ones(1, 1).expand(HUGE, HUGE)
    with pytest.raises(ValueError, match="must fit in memory"):
        SparseLinear(HUGE, HUGE, mask)


def test_memory_is_told_with_what_needs_it():
    with pytest.raises(ValueError, match=r"^It must fit in memory; got 1,000"):
        check_memory(10**18, "It")
    check_memory(1, "It")
