"""The solver of liquid time-constant neurons: any time, any stiffness, any dtype."""

import copy

import pytest
import torch
from circuits import OUT, PATHS, SIZES, F, N, taken
from scans import F32, F64, close, drawn_sequence, in_double

from velora.models import LTCNetwork
from velora.models.lnn import LTCCell
from velora.wiring import Connectome, LayerMasks, Wiring


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("form", [0.0, torch.tensor(0.0), torch.zeros(4)])
def test_after_no_time_the_state_is_the_same(dtype, form):
    network = LTCNetwork(*SIZES).to(dtype)
    x, state = torch.randn(4, F, dtype=dtype), torch.randn(4, N + OUT, dtype=dtype)
    torch.testing.assert_close(network(x, state, form)[1], state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, F32, F64])
@pytest.mark.parametrize("shape", [None, (), (5,), (5, 4)])
def test_endless_time_has_finite_values_and_gradients(dtype, shape):
    network = LTCNetwork(*SIZES).to(dtype)
    x, t = torch.randn(5, 4, F).to(dtype), float("inf")
    if shape is not None:
        t = torch.full(shape, t) if shape else torch.tensor(t)
        t.requires_grad_()
    y, state = network.forward_sequence(x, timespans=t)
    assert y.isfinite().all()
    (y.sum() + state.sum()).backward()
    leaves = [*network.parameters()] + ([] if shape is None else [t])
    assert all(leaf.grad.isfinite().all() for leaf in leaves)


def test_after_an_endless_time_what_was_before_is_forgotten():
    # Each unfold then is what synapses and leak alone make of the neurons; after as
    # many as there are neurons on the longest way, only the inputs count.
    masks = dict(Wiring(*SIZES).masks.items())
    del masks["recurrent"]
    network = LTCNetwork(*SIZES, wiring=Connectome(LayerMasks(**masks))).double()
    x, state = torch.randn(4, F, dtype=F64), torch.randn(4, N + OUT, dtype=F64)
    after = [network(x, h, float("inf"))[1] for h in (state, -state)]
    torch.testing.assert_close(*after)
    long = network(x, state, 1e12)[1]
    torch.testing.assert_close(after[0], long)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("scale", [1e2, 1e6, 1e12])
@pytest.mark.parametrize("t", [1.0, 1e6])
def test_a_stiff_network_stays_among_its_potentials(monkeypatch, name, scale, t):
    network = LTCNetwork(*SIZES).to(PATHS[name])
    with torch.no_grad():
        for parameter in ("weight", "sigma", "leak", "capacitance"):
            getattr(network.cell, parameter).mul_(scale * torch.randn(()).exp())
    x, state, options, tensors = drawn_sequence(network, PATHS[name], sizes=(9, 3))
    with torch.no_grad():
        x.mul_(scale)
        state.clamp_(-1, 1)
    with taken(monkeypatch, name):
        y, h, states = network.forward_sequence(
            x, state, timespans=t, resets=options["resets"], return_states=True
        )
        grads = torch.autograd.grad(
            states.sum() + y.sum() + h.sum(), tensors, materialize_grads=True
        )
    assert states.abs().max() <= 1 + 1e-5  # where polarities and leaks are
    assert all(grad.isfinite().all() for grad in grads)


def test_capacitance_of_less_time_is_that_of_more_time():
    # Only their ratio counts: dv/dt is divided by the one, and lasts for the other.
    network = LTCNetwork(*SIZES, positive=False).double()
    x, state = torch.randn(4, F, dtype=F64), torch.randn(4, N + OUT, dtype=F64)
    expected = network(x, state, 3.0)[1]
    with torch.no_grad():
        network.cell.capacitance.div_(3)
    close([network(x, state)[1]], [expected], 1e-7)


def test_many_unfolds_solve_the_equation():
    # Without synapses among neurons a potential leaks exponentially to its target.
    cell = LTCCell(1, 1, torch.tensor([[1], [0]]), ode_unfolds=20_000).double()
    x, state, t = torch.tensor([[0.7]]).double(), torch.tensor([[0.9]]).double(), 1.7
    leak, capacitance, weight = (
        torch.nn.functional.softplus(p.detach()[..., :1]).item()
        for p in (cell.leak, cell.capacitance, cell.weight)
    )
    sigma, mu = cell.sigma[0, 0].item(), cell.mu[0, 0].item()
    opened = weight * torch.sigmoid(torch.tensor(sigma * (0.7 - mu))).item()
    total = leak + opened
    target = (leak * cell.leak_potential.item() + opened * 1.0) / total
    expected = target + (0.9 - target) * torch.exp(
        torch.tensor(-t * total / capacitance)
    )
    with torch.no_grad():
        assert cell(x, state, t)[1].item() == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_it_computes_in_half_precision(dtype):
    network = LTCNetwork(*SIZES)
    x = torch.randn(6, 3, F)
    expected, _ = network.forward_sequence(x, timespans=0.5)
    half = copy.deepcopy(network).to(dtype)
    y, state = half.forward_sequence(x.to(dtype), timespans=0.5)
    assert y.dtype == state.dtype == dtype
    torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.05)


def test_single_precision_is_near_double():
    network = LTCNetwork(8, 60, 4)
    double, _ = in_double(network)
    x = torch.randn(50, 4, 8)
    close(network.forward_sequence(x), double.forward_sequence(x.double()), 2e-5)
