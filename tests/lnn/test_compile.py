"""torch.compile gives the same numbers."""

import pytest
import torch
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler

from velora.models.lnn import NCPNetwork


def _no_compiler():
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return True
    return False


INDUCTOR = pytest.param(
    "inductor",
    marks=pytest.mark.skipif(_no_compiler(), reason="no C++ compiler was found"),
)
# What the compiler warns about is its own code.
pytestmark = pytest.mark.filterwarnings("ignore:::torch")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("backend", ["eager", "aot_eager", INDUCTOR])
def test_compiled_step_equals_the_plain_one(
    make_network, network_type, outputs_of, assert_same, backend
):
    network = make_network(network_type)
    compiled = torch.compile(network, backend=backend, fullgraph=True)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert_same(
        lambda: outputs_of(compiled, x),
        lambda: outputs_of(network, x),
        [x, *network.parameters()],
    )


@pytest.mark.parametrize("backend", ["eager", "aot_eager", INDUCTOR])
def test_compiled_sequence_equals_the_plain_one(make_recurrent, assert_same, backend):
    network = make_recurrent()
    compiled = torch.compile(network.forward_sequence, backend=backend, fullgraph=True)
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    hidden = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    options = {
        "resets": torch.tensor([[0, 1], [1, 0], [0, 0]]).bool(),
        "timespans": torch.rand(3, 2).double(),
    }
    assert_same(
        lambda: compiled(x, hidden, **options),
        lambda: network.forward_sequence(x, hidden, **options),
        [x, hidden, *network.parameters()],
    )


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_network_follows_new_masks_and_weights(
    make_network, network_type, outputs_of, backend
):
    network = make_network(network_type)
    compiled = torch.compile(network, backend=backend)
    x = torch.randn(5, 3, dtype=torch.float64)
    outputs_of(compiled, x)
    network.inter.update_mask(torch.ones(6, 3))
    mask = torch.zeros(network.counts.inter, network.counts.command)
    mask[0] = 1
    cell = network_type is not NCPNetwork
    network.command.update_mask(mask if cell else mask.T)
    network.motor.weight.data.mul_(2)
    for got, expected in zip(
        outputs_of(compiled, x), outputs_of(network, x), strict=True
    ):
        torch.testing.assert_close(got, expected)


def test_compiled_network_takes_any_batch_size(make_network, network_type, outputs_of):
    network = make_network(network_type)
    compiled = torch.compile(network, backend="eager")
    for batch in (5, 3, 1, 7):
        x = torch.randn(batch, 3, dtype=torch.float64)
        for got, expected in zip(
            outputs_of(compiled, x), outputs_of(network, x), strict=True
        ):
            torch.testing.assert_close(got, expected)
