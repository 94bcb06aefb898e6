"""Modules that something records compute the same, for any batch."""

import pytest
import torch
from torch import nn
from tracers import THEIR_WARNINGS, TRACERS, as_tuple, assert_equal

from velora.models import LTC, CfC
from velora.wiring.ncps import AutoNCP, FullyConnected

pytestmark = THEIR_WARNINGS
T, F = 3, 2
MODULES = {
    "LTC": lambda: LTC(F, FullyConnected(3, 2), ode_unfolds=1),
    "CfC": lambda: CfC(F, AutoNCP(8, 2), 3, mixed_memory=True),
}


class Timed(nn.Module):
    """A module from the zero state, with times, and its outputs side by side."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x, timespans):
        y, state = self.module(x, None, timespans)
        return y, *as_tuple(state)


@pytest.mark.parametrize("tracer", ["jit.trace", "export", "compile"])
@pytest.mark.parametrize("kind", MODULES)
def test_recorded_module_is_the_module_with_any_batch(tracer, kind):
    module = Timed(MODULES[kind]()).eval()
    recorded = TRACERS[tracer](module, (torch.randn(2, T, F), torch.rand(2, T)), (0, 0))
    for rows in (1, 5):
        given = torch.randn(rows, T, F), torch.rand(rows, T)
        assert_equal(as_tuple(recorded(*given)), module(*given))


@pytest.mark.parametrize("kind", MODULES)
def test_lengths_go_through_a_compiler(kind):
    module = MODULES[kind]().eval()
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    x, lengths = torch.randn(3, T, F), torch.tensor([1, 3, 2])
    (y, state), (expected, last) = (
        each(x, lengths=lengths) for each in (compiled, module)
    )
    assert_equal((y, *as_tuple(state)), (expected, *as_tuple(last)))
