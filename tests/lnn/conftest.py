"""Modules to test, filled with numbers that hide nothing, and ways to compare them."""

import importlib.util
import math
import os
from pathlib import Path

import pytest
import torch

# Read when Triton is imported, which PyTorch's compiler does. Kernels are interpreted
# where `VELORA_SCAN` asks for them, and on a GPU not at all.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

from velora.models.lnn import (
    GatedLeakyCell,
    GatedLeakyNCPNetwork,
    LiquidNCPNetwork,
    NCPLiquidCell,
    NCPNetwork,
    SparseLinear,
)

RECURRENT = {"liquid": LiquidNCPNetwork, "gated-leaky": GatedLeakyNCPNetwork}
NETWORKS = {"ncp": NCPNetwork, **RECURRENT}
CELLS = {"liquid": NCPLiquidCell, "gated-leaky": GatedLeakyCell}
TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def reference():
    """The module `reference.py`, which importlib mode cannot import by name."""
    path = Path(__file__).with_name("reference.py")
    spec = importlib.util.spec_from_file_location("velora_lnn_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=list(NETWORKS))
def network_type(request):
    return NETWORKS[request.param]


@pytest.fixture(params=list(RECURRENT))
def recurrent_type(request):
    return RECURRENT[request.param]


@pytest.fixture(params=list(CELLS))
def cell_type(request):
    return CELLS[request.param]


def _signed_mask(rows, columns, density=0.5):
    """Draws a mask as a wiring gives it; one place is taken and, if any, one free."""
    mask = torch.randint(0, 2, (rows, columns)) * 2 - 1
    mask = mask * (torch.rand(rows, columns) < density)
    mask.view(-1)[-1] = 0
    mask.view(-1)[0] = -1
    return mask.to(torch.int32)


def _fill(module):
    """Writes numbers of a sensible size into every weight, masked ones included."""
    with torch.no_grad():
        for parameter in module.parameters():
            fan = parameter.shape[-1] if parameter.dim() == 2 else 1
            parameter.normal_(std=1 / math.sqrt(fan))
    return module


@pytest.fixture
def signed_mask():
    return _signed_mask


@pytest.fixture
def make_sparse():
    def make(in_features, out_features, dtype=torch.float64, **options):
        mask = _signed_mask(out_features, in_features).abs()
        layer = SparseLinear(in_features, out_features, mask, **options)
        return _fill(layer.to(dtype))

    return make


@pytest.fixture
def make_cell(cell_type):
    def make(in_features, n_hidden, dtype=torch.float64):
        cell = cell_type(in_features, n_hidden, _signed_mask(in_features, n_hidden))
        return _fill(cell.to(dtype))

    return make


@pytest.fixture
def make_network():
    def make(network_type, sizes=(3, 10, 2), dtype=torch.float64, **options):
        return _fill(network_type(*sizes, **options).to(dtype))

    return make


@pytest.fixture
def make_recurrent(make_network, recurrent_type):
    def make(*args, **options):
        return make_network(recurrent_type, *args, **options)

    return make


@pytest.fixture
def make_liquid(make_network):
    def make(*args, **options):
        return make_network(LiquidNCPNetwork, *args, **options)

    return make


@pytest.fixture
def outputs_of():
    """Everything that a network computes for x: (B, F), as a tuple of tensors."""

    def outputs(network, x):
        y = network(x)
        return y if isinstance(y, tuple) else (y,)

    return outputs


@pytest.fixture
def assert_same():
    """Compares two computations: values, and gradients of all the given tensors."""

    def compare(fast, slow, tensors):
        tensors = list(tensors)
        assert all(tensor.requires_grad for tensor in tensors)
        weights, gradients = None, []
        values = [compute() for compute in (fast, slow)]
        for outputs in values:
            weights = weights or [torch.randn_like(output) for output in outputs]
            loss = sum(
                (output * weight).mean()
                for output, weight in zip(outputs, weights, strict=True)
            )
            gradients.append(
                torch.autograd.grad(
                    loss, tensors, allow_unused=True, materialize_grads=True
                )
            )
        for group in (values, gradients):
            for got, expected in zip(*group, strict=True):
                tolerance = TOLERANCES[expected.dtype]
                torch.testing.assert_close(
                    got, expected, rtol=tolerance, atol=tolerance
                )
        return gradients[0]

    return compare
