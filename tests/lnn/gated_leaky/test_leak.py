"""The laws of a leak: how far a step goes at any rate and after any time."""

import pytest
import torch
from leaks import numbers, scan, unrolled
from scans import F64, drawn_loss, values_and_gradients

from velora.models.lnn import GatedLeakyNCPNetwork

LONGEST = 1e18  # which `shapes` makes of an endless time
# What the rate is made of, beside each other in a state.
F = torch.tensor([-30.0, -8.0, -1.0, 0.0, 1.0, 8.0, 30.0, 200.0], dtype=F64)


def leaked(function, path, f, t):
    """Returns the states of three steps towards 1 from 0, each by itself."""
    inputs = (
        torch.cat((f, torch.full_like(f, 50.0), torch.zeros_like(f)))
        .to(path.dtype)
        .expand(3, 1, -1)
    )
    weight = torch.zeros(3 * len(f), len(f), dtype=path.dtype)
    state = torch.zeros(1, len(f), dtype=path.dtype)
    times = torch.full((3, 1, 1), t, dtype=path.dtype)
    resets = torch.ones(3, 1, dtype=torch.bool)
    return function(inputs, weight, state, resets=resets, timespans=times)[1]


@pytest.mark.parametrize("t", [1e-9, 1e-4, 0.3, 1.0, 7.0, 1e4, LONGEST])
def test_gate_is_right_to_its_digits_at_any_time(path, t):
    t = torch.tensor(t, dtype=path.dtype).double()
    expected = -torch.expm1(-t * torch.nn.functional.softplus(F, threshold=40))
    limit = 1e-12 if path.dtype == F64 else 2e-6
    for state in (*leaked(scan, path, F, t), *leaked(unrolled, path, F, t)):
        torch.testing.assert_close(state[0].double(), expected, rtol=limit, atol=0)


def test_no_time_keeps_the_state_and_endless_time_reaches_the_target(path):
    x = numbers(5, 3, 8, path.dtype, timed=True)
    with torch.no_grad():
        x["timespans"].zero_()
    for function in (scan, unrolled):
        (_, states), gradients = values_and_gradients(function, x, drawn_loss(x))
        assert all(torch.equal(now, x["state"]) for now in states)
        assert not gradients[0][..., :16].any()
        assert gradients[3].any()
    with torch.no_grad():
        x["timespans"].fill_(LONGEST)
        x["weight"].zero_()
    for function in (scan, unrolled):
        (_, states), gradients = values_and_gradients(function, x, drawn_loss(x))
        target = torch.tanh(x["inputs"][..., 8:16])
        torch.testing.assert_close(states, target)
        # To the last digit: what is left of the state before is nothing.
        other = {**x, "state": 100 * x["state"]}
        assert torch.equal(function(**other)[1], states)
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert not gradients[0][..., :8].any()
        assert not gradients[2].any()
        assert not gradients[3].any()


def test_two_steps_of_the_same_rate_and_target_make_one(path):
    # What "exact where f and k are held" means: a step may be halved.
    halves, whole = 0.7, 1.4
    inputs = torch.randn(1, 3, 12, dtype=path.dtype)
    weight = torch.zeros(12, 4, dtype=path.dtype)
    state = torch.randn(3, 4, dtype=path.dtype)
    ends = []
    for steps, t in ((2, halves), (1, whole)):
        times = torch.full((steps, 3, 1), t, dtype=path.dtype)
        found = scan(inputs.expand(steps, 3, 12), weight, state, timespans=times)
        ends.append(found[1][-1])
    limit = 1e-12 if path.dtype == F64 else 1e-6
    torch.testing.assert_close(*ends, rtol=limit, atol=limit)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_state_stays_within_its_bounds(path, scale):
    x = numbers(65, 3, 5, path.dtype, timed=True, resets=True)
    with torch.no_grad():
        x["state"].clamp_(-1, 1)
        x["inputs"].mul_(scale)
    assert scan(**x)[1].abs().max() <= 1


def test_time_one_is_no_time_given(path):
    x = numbers(5, 3, 4, path.dtype)
    ones = torch.ones(5, 3, 1, dtype=path.dtype)
    limit = 1e-12 if path.dtype == F64 else 2e-6
    got, expected = scan(**{**x, "timespans": ones}), scan(**x)
    torch.testing.assert_close(got, expected, rtol=limit, atol=limit)


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64])
@pytest.mark.parametrize("shape", [None, (), (5,), (5, 4)])
def test_endless_time_has_finite_gradients_in_any_dtype(dtype, shape, steps):
    network = GatedLeakyNCPNetwork(3, 20, 2).to(dtype)
    with torch.no_grad():  # neurons that move at once, and some that hardly ever do
        network.command.f_head.bias[:4] = torch.tensor([-18.0, -40, -110, 60])
    x, t = torch.randn(5, 4, 3).to(dtype)[:steps], float("inf")
    if shape is not None:
        t = torch.full(shape, t)[:steps] if shape else torch.tensor(t)
        t.requires_grad_()
    y, state = network.forward_sequence(x, timespans=t)
    (y.sum() + state.sum()).backward()
    leaves = [*network.parameters()] + ([] if shape is None else [t])
    assert all(leaf.grad.isfinite().all() for leaf in leaves)
    for step in (network, network.frozen_step()):
        y, _ = step(x[0], None, float("inf"))
        assert y.isfinite().all()


@pytest.mark.parametrize("form", [float("inf"), torch.tensor(float("inf"))])
def test_network_after_an_endless_time_forgets_what_was_before(form):
    network = GatedLeakyNCPNetwork(3, 20, 2)
    x, state = torch.randn(4, 3), torch.randn(4, network.hidden_size)
    with torch.no_grad():  # what comes from the state is the target's alone
        network.command.k_head.weight[:, -network.hidden_size :] = 0
    for step in (network, network.frozen_step()):
        assert torch.equal(step(x, state, form)[1], step(x, -state, form)[1])
