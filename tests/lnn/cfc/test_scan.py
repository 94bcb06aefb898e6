"""scan: the numbers of its equations, whichever backend it takes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import PATHS, force, has_numba
from scans import (
    F32,
    F64,
    NAMES,
    TIMESPANS,
    assert_equal,
    close,
    differentiable,
    drawn_loss,
    numbers,
    second_derivatives,
    slow,
    unrolled,
    values_and_gradients,
)

from velora.models.lnn.scan import scan

# (T, B, H): all 1, one of them 1, B == H, T == B, and all the same.
# (T, B, H): all 1, one of them 1, B == H, T == B, and all the same.
SIZES = [(1, 1, 1), (3, 3, 3), (1, 65, 3), (63, 1, 3), (3, 65, 1), (3, 63, 63)]
SIZES += [(65, 65, 3), (65, 3, 65)]


@pytest.mark.parametrize("timespans", TIMESPANS)
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_scan_equals_its_equations(path, sizes, resets, timespans):
    x = numbers(*sizes, path.dtype, timespans=timespans, resets=resets)
    assert_equal(x, drawn_loss(x))
    assert set(path.calls.values()) == {1}  # forward and backward


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_scan_equals_its_equations_by_the_path_it_chooses(steps, dtype):
    x = numbers(steps, 5, 7, dtype, timespans="(T, B)", resets=True)
    assert_equal(x, drawn_loss(x))


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 9)] * 3),
    timespans=st.sampled_from(list(TIMESPANS)),
    seed=st.integers(0, 2**32),
)
def test_paths_equal_the_unrolled(sizes, timespans, seed):
    torch.manual_seed(seed)
    for name, (dtype, *_) in PATHS.items():
        if name.startswith("compiled") and not has_numba():
            continue
        x = numbers(*sizes, dtype, timespans=timespans, resets=True)
        with pytest.MonkeyPatch.context() as monkeypatch:
            calls = force(monkeypatch, name)
            assert_equal(x, drawn_loss(x), unrolled)
        assert sum(calls.values()) == 2


@pytest.mark.parametrize("path", ["operators in float32", "compiled"], indirect=True)
@pytest.mark.parametrize(("size", "hidden"), [(158, 63), (163, 65)])
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_network_in_float32_equals_the_reference(
    path, make_liquid, reference, size, hidden, timespans
):
    network = make_liquid((3, size, 2), F32)
    assert network.hidden_size == hidden
    double = make_liquid((3, size, 2))
    double.load_state_dict(network.state_dict())
    # So many steps that Mish takes its loops as well.
    x, state = torch.randn(65, 3, 3), torch.randn(3, hidden)
    resets = torch.rand(65, 3) < 0.1
    t = None if timespans is None else torch.rand(65, 3)
    got = network.forward_sequence(
        x, state, resets=resets, timespans=t, return_states=True
    )
    expected = reference.sequence(double, x.double(), state.double(), resets, t)
    weights = [torch.randn_like(output) for output in got]
    gradients = []
    for module, outputs in ((network, got), (double, expected)):
        loss = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
        gradients.append(torch.autograd.grad(loss, list(module.parameters())))
    close(got, expected)
    close(*gradients)


@pytest.mark.parametrize("timespans", TIMESPANS)
def test_derivatives_pass_gradcheck(monkeypatch, timespans):
    calls = force(monkeypatch, "operators")
    x = numbers(3, 2, 2, F64, timespans=timespans)
    resets = torch.tensor([[0, 1], [0, 0], [1, 0]])

    def function(inputs, weight, state, timespans=None):
        return scan(inputs, weight, state, resets=resets, timespans=timespans)

    assert torch.autograd.gradcheck(function, differentiable(x))
    assert torch.autograd.gradgradcheck(function, differentiable(x))
    assert calls["operators forward"]
    assert calls["operators backward"]


@pytest.mark.parametrize("timespans", TIMESPANS)
def test_second_derivatives_equal_those_of_the_unrolled(path, timespans):
    x = numbers(5, 3, 4, path.dtype, timespans=timespans, resets=True)
    loss, tensors = drawn_loss(x), differentiable(x)
    got = second_derivatives(lambda: loss(*scan(**x)), tensors)
    close(got, second_derivatives(lambda: loss(*unrolled(**x)), tensors))


def test_second_derivatives_are_right_where_arguments_depend_on_each_other(path):
    x = numbers(6, 3, 4, path.dtype)
    loss = drawn_loss(x)

    def halves(function):
        first = function(x["inputs"][:3], x["weight"], x["state"])
        second = function(first[0].repeat(1, 1, 4), x["weight"], first[1][-1])
        return loss(*(torch.cat(pair) for pair in zip(first, second, strict=True)))

    got = second_derivatives(lambda: halves(scan), differentiable(x))
    close(got, second_derivatives(lambda: halves(unrolled), differentiable(x)))


LOSSES = {
    "y": lambda y, states: (y**2).sum(),
    "states": lambda y, states: (states**2).sum(),
    "last state": lambda y, states: (states[-1] ** 2).sum(),
    "both": lambda y, states: (y * states).sum(),
    "y twice": lambda y, states: (y**2).sum() + y.tanh().sum(),
    "states twice": lambda y, states: (states**2).sum() + states[1:3].tanh().sum(),
}


@pytest.mark.parametrize("timespans", [None, "(T, B)"])
@pytest.mark.parametrize("used", LOSSES)
def test_gradient_is_right_whatever_is_used_of_the_outputs(path, used, timespans):
    x = numbers(5, 3, 4, path.dtype, timespans=timespans, resets=True)
    assert_equal(x, LOSSES[used])


class Blocked(torch.autograd.Function):
    """Gives what it takes, and no gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return None


def test_outputs_without_a_gradient_give_none(path):
    x = numbers(5, 3, 4, path.dtype, timespans="(T,)")
    y, states = scan(**x)
    (Blocked.apply(y).sum() + Blocked.apply(states).sum()).backward()
    assert all(tensor.grad is None for tensor in differentiable(x))


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), NAMES[::2]])
def test_tensors_that_need_no_gradient_get_none(path, names):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    loss = drawn_loss(x)
    whole = dict(zip(NAMES, values_and_gradients(slow, x, loss)[1], strict=True))
    for name in NAMES:
        x[name].requires_grad_(name in names)
    loss(*scan(**x)).backward()
    close([x[name].grad for name in names], [whole[name] for name in names])
    assert all(x[name].grad is None for name in set(NAMES) - set(names))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_numbers_are_the_same(path, mode):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    expected = scan(**x)
    with mode():
        got = scan(**x)
    for ours, theirs in zip(got, expected, strict=True):
        assert torch.equal(ours, theirs)
        assert theirs.requires_grad
        assert not ours.requires_grad


def test_backward_twice_gives_the_same_gradients(path):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    value = drawn_loss(x)(*scan(**x))
    first = torch.autograd.grad(value, differentiable(x), retain_graph=True)
    again = torch.autograd.grad(value, differentiable(x))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
