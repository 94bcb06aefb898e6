"""Gradients against finite differences."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck


def leaf(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_sparse_linear_passes_gradcheck(make_sparse):
    layer = make_sparse(3, 2)
    assert gradcheck(
        lambda x, weight, bias: torch.func.functional_call(
            layer, {"weight": weight, "bias": bias}, (x,)
        ),
        (leaf(2, 3), leaf(2, 3), leaf(2)),
    )


@pytest.mark.parametrize("unit_time", [True, False])
def test_cell_passes_gradcheck(make_cell, unit_time):
    cell = make_cell(2, 3)
    names, parameters = zip(*cell.named_parameters(), strict=True)

    def function(x, hidden, t, *values):
        timespans = None if unit_time else t
        named = dict(zip(names, values, strict=True))
        return torch.func.functional_call(cell, named, (x, hidden, timespans))

    t = torch.rand(2, dtype=torch.float64).requires_grad_(not unit_time)
    arguments = (leaf(2, 2), leaf(2, 3), t, *parameters)
    assert gradcheck(function, arguments)
    assert gradgradcheck(function, arguments)


def test_sequence_passes_gradcheck(make_recurrent):
    network = make_recurrent((2, 5, 1))
    resets = torch.tensor([[0, 1], [1, 0], [0, 0]]).bool()
    t = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)

    def function(x, hidden, t):
        return network.forward_sequence(x, hidden, resets=resets, timespans=t)

    assert gradcheck(function, (leaf(3, 2, 2), leaf(2, 2), t))


def test_every_free_parameter_learns(make_recurrent):
    network = make_recurrent()
    x = torch.randn(4, 3, 3, dtype=torch.float64)
    y, _ = network.forward_sequence(x, timespans=torch.rand(4).double())
    y.square().sum().backward()
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            mask = network.get_submodule(name.rpartition(".")[0]).mask
            assert torch.equal(parameter.grad != 0, mask != 0), name
        else:
            assert parameter.grad.all(), name
