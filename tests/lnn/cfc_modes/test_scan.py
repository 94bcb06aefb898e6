"""Cells in all modes over time: their equations, whichever backend."""

import pytest
import torch
from closed_forms import MODES, drawn, make_cell, run, slow
from paths import force
from scans import close, gradients_of, second_derivatives

from velora.models.lnn.cfc_modes import backends
from velora.models.lnn.cfc_modes.prepared import prepare
from velora.models.lnn.cfc_modes.scan import scan
from velora.models.lnn.cfc_modes.weights import Weights

# (T, B, F, H, U): all 1, B == H, as many as lanes and one more, many rows.
AWKWARD = [(1, 1, 1, 1, 1), (3, 3, 3, 3, 3), (4, 8, 8, 8, 8), (3, 9, 2, 17, 5)]
TIMES = [None, 0.5, "()", "(T,)", "(T, B)"]
LAYERS = [None, 0, 1, 3]  # None is a mask, and no backbone

each_mode = pytest.mark.parametrize("mode", MODES)
each_depth = pytest.mark.parametrize("layers", LAYERS)


def unrolled(cell, *arguments, **options):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("VELORA_SCAN", "steps")
        return run(cell, *arguments, **options)


def assert_equal(cell, x, hidden, options, tensors, function=slow):
    got, expected = (f(cell, x, hidden, **options) for f in (run, function))
    weights = [torch.randn_like(got)]
    close([got], [expected])
    ours, theirs = (gradients_of([y], weights, tensors) for y in (got, expected))
    close(ours, theirs)


@each_mode
@each_depth
@pytest.mark.parametrize("timespans", TIMES)
def test_scan_equals_its_equations(path, mode, layers, timespans):
    cell = make_cell(mode, layers, path.dtype)
    assert_equal(cell, *drawn(cell, timespans=timespans))
    assert set(path.calls.values()) == {1}  # forward and backward


@each_mode
@pytest.mark.parametrize("sizes", AWKWARD)
def test_scan_equals_its_equations_at_awkward_sizes(path, mode, sizes):
    steps, batch, *others = sizes
    for layers in (0, 2):
        cell = make_cell(mode, layers, path.dtype, others)
        assert_equal(cell, *drawn(cell, steps, batch, "(T, B)"))


@each_mode
@each_depth
def test_steps_equal_their_equations(monkeypatch, mode, layers):
    monkeypatch.setenv("VELORA_SCAN", "steps")
    cell = make_cell(mode, layers)
    assert_equal(cell, *drawn(cell, timespans="(T, B)"))


@each_mode
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_path_equals_the_unrolled_over_a_long_time(path, mode, timespans):
    cell = make_cell(mode, 2, path.dtype, (5, 20, 33))
    assert_equal(cell, *drawn(cell, 65, 6, timespans), unrolled)


@each_mode
@pytest.mark.parametrize("layers", [0, 2])
def test_derivatives_pass_gradcheck(monkeypatch, mode, layers):
    calls = force(monkeypatch, "operators", backends)
    cell = make_cell(mode, layers, sizes=(2, 2, 3))
    _, *ready = prepare(cell, (3, 2))
    shape = ready[0].shape[:1]  # of what the inputs give
    weights = Weights(*(None if w is None else w.detach() for w in ready[2]))
    tensors = [torch.randn(3, 2, *shape), torch.randn(2, 2), torch.rand(3, 2, 1)]
    tensors = [tensor.double() for tensor in tensors]
    tensors += [weight for weight in weights if weight is not None]
    resets = torch.tensor([[0, 1], [0, 0], [1, 0]]).bool()
    timed = mode == "pure"  # the other modes have put their time into the weights

    def function(inputs, state, times, *given):
        found = iter(given)
        packed = Weights(*(None if w is None else next(found) for w in weights))
        times = times if timed else None
        return scan(cell.mode, inputs, packed, state, times=times, resets=resets)

    for tensor in tensors if timed else tensors[:2] + tensors[3:]:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(function, tensors)
    assert torch.autograd.gradgradcheck(function, tensors)
    assert calls["operators forward"]
    assert calls["operators backward"]


@each_mode
@pytest.mark.parametrize("layers", [0, 2])
def test_second_derivatives_equal_those_of_the_unrolled(path, mode, layers):
    cell = make_cell(mode, layers, path.dtype)
    x, hidden, options, tensors = drawn(cell, timespans="(T, B)")
    got, expected = (
        second_derivatives(
            lambda f=f: f(cell, x, hidden, **options).square().sum(), tensors
        )
        for f in (run, unrolled)
    )
    close(got, expected)


@each_mode
def test_tensors_that_need_no_gradient_get_none(path, mode):
    cell = make_cell(mode, 2, path.dtype)
    x, hidden, options, tensors = drawn(cell, timespans="(T, B)")
    whole = gradients_of([slow(cell, x, hidden, **options)], [1], tensors)
    for wanted in (tensors[::2], tensors[1::2]):
        for tensor in tensors:
            tensor.grad = None
            tensor.requires_grad_(any(tensor is other for other in wanted))
        run(cell, x, hidden, **options).sum().backward()
        for tensor, expected in zip(tensors, whole, strict=True):
            assert (tensor.grad is not None) == tensor.requires_grad
            if tensor.requires_grad:
                close([tensor.grad], [expected])


@each_mode
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_numbers_are_the_same(path, mode, context):
    cell = make_cell(mode, 1, path.dtype)
    x, hidden, options, _ = drawn(cell, timespans="(T, B)")
    expected = run(cell, x, hidden, **options)
    with context():
        got = run(cell, x, hidden, **options)
    assert torch.equal(got, expected)
    assert expected.requires_grad
    assert not got.requires_grad


@each_mode
def test_backward_twice_gives_the_same_and_changes_no_argument(path, mode):
    cell = make_cell(mode, 2, path.dtype)
    x, hidden, options, tensors = drawn(cell, timespans="(T, B)")
    kept = [tensor.detach().clone() for tensor in tensors]
    states = run(cell, x, hidden, **options)
    gradient = torch.randn_like(states)
    given = gradient.clone()
    first = torch.autograd.grad(states, tensors, given, retain_graph=True)
    again = torch.autograd.grad(states, tensors, given)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert torch.equal(given, gradient)
    assert all(torch.equal(*pair) for pair in zip(tensors, kept, strict=True))
