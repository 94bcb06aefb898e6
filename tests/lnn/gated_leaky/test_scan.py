"""The gated leaky integrator over time: its equations, whichever backend it takes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from leaks import numbers, scan, slow, unrolled
from paths import PATHS, force, has_numba
from scans import (
    F32,
    F64,
    LAYOUTS,
    NAMES,
    close,
    differentiable,
    drawn_loss,
    second_derivatives,
    values_and_gradients,
)

from velora.models.lnn.gated_leaky import backends

# (T, B, H): all 1, one of them 1, B == H, T == B, and all the same.
SIZES = [(1, 1, 1), (3, 3, 3), (1, 65, 3), (63, 1, 3), (3, 65, 1), (3, 63, 63)]
SIZES += [(65, 65, 3), (65, 3, 65)]


def assert_equal(x, loss, function=slow):
    got = values_and_gradients(scan, x, loss)
    expected = values_and_gradients(function, x, loss)
    for ours, theirs in zip(got, expected, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_scan_equals_its_equations(path, sizes, resets, timed):
    x = numbers(*sizes, path.dtype, timed=timed, resets=resets)
    assert_equal(x, drawn_loss(x))
    assert set(path.calls.values()) == {1}  # forward and backward


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_scan_equals_its_equations_by_the_path_it_chooses(steps, dtype):
    x = numbers(steps, 5, 7, dtype, timed=True, resets=True)
    assert_equal(x, drawn_loss(x))


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 9)] * 3),
    timed=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_paths_equal_the_unrolled(sizes, timed, seed):
    torch.manual_seed(seed)
    for name, (dtype, *_) in PATHS.items():
        if name.startswith("compiled") and not has_numba():
            continue
        x = numbers(*sizes, dtype, timed=timed, resets=True)
        with pytest.MonkeyPatch.context() as monkeypatch:
            calls = force(monkeypatch, name, backends)
            assert_equal(x, drawn_loss(x), unrolled)
        assert sum(calls.values()) == 2


@pytest.mark.parametrize("timed", [False, True])
def test_derivatives_pass_gradcheck(monkeypatch, timed):
    calls = force(monkeypatch, "operators", backends)
    x = numbers(3, 2, 2, F64, timed=timed)
    resets = torch.tensor([[0, 1], [0, 0], [1, 0]]).bool()

    def function(inputs, weight, state, timespans=None):
        return scan(inputs, weight, state, resets=resets, timespans=timespans)

    assert torch.autograd.gradcheck(function, differentiable(x))
    assert torch.autograd.gradgradcheck(function, differentiable(x))
    assert calls["operators forward"]
    assert calls["operators backward"]


@pytest.mark.parametrize("timed", [False, True])
def test_second_derivatives_equal_those_of_the_unrolled(path, timed):
    x = numbers(5, 3, 4, path.dtype, timed=timed, resets=True)
    loss, tensors = drawn_loss(x), differentiable(x)
    got = second_derivatives(lambda: loss(*scan(**x)), tensors)
    close(got, second_derivatives(lambda: loss(*unrolled(**x)), tensors))


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), NAMES[::2]])
def test_tensors_that_need_no_gradient_get_none(path, names):
    x = numbers(5, 3, 4, path.dtype, timed=True, resets=True)
    loss = drawn_loss(x)
    whole = dict(zip(NAMES, values_and_gradients(slow, x, loss)[1], strict=True))
    for name in NAMES:
        x[name].requires_grad_(name in names)
    loss(*scan(**x)).backward()
    close([x[name].grad for name in names], [whole[name] for name in names])
    assert all(x[name].grad is None for name in set(NAMES) - set(names))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_numbers_are_the_same(path, mode):
    x = numbers(5, 3, 4, path.dtype, timed=True, resets=True)
    expected = scan(**x)
    with mode():
        got = scan(**x)
    assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))
    assert all(output.requires_grad for output in expected)
    assert not any(output.requires_grad for output in got)


def test_backward_twice_gives_the_same_and_changes_no_argument(path):
    x = numbers(5, 3, 4, path.dtype, timed=True, resets=True)
    kept = {name: tensor.detach().clone() for name, tensor in x.items()}
    outputs = scan(**x)
    gradients = [torch.randn_like(output) for output in outputs]
    given = [gradient.clone() for gradient in gradients]
    first = torch.autograd.grad(outputs, differentiable(x), given, retain_graph=True)
    again = torch.autograd.grad(outputs, differentiable(x), given)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert all(torch.equal(*pair) for pair in zip(given, gradients, strict=True))
    assert all(torch.equal(x[name], kept[name]) for name in x)


@pytest.mark.parametrize("name", [*NAMES, "resets", "gradient"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_in_memory_gives_the_same(path, layout, name):
    x = numbers(5, 3, 4, path.dtype, timed=True, resets=True)
    x["gradient"] = torch.randn(5, 3, 4, dtype=path.dtype)
    apart = {**x, name: LAYOUTS[layout](x[name])}
    assert not apart[name].is_contiguous()
    results = []
    for arguments in (x, apart):
        gradient = arguments.pop("gradient")
        y, states = scan(**arguments)
        gradients = torch.autograd.grad(
            (y, states), differentiable(x), (gradient, gradient)
        )
        results.append((y, states, *gradients))
    close(*results)


def test_expanded_arguments_give_the_same_as_repeated_ones(path):
    x = numbers(1, 1, 4, path.dtype, timed=True)
    x["inputs"] = x["inputs"].expand(5, 3, 12)
    x["state"] = x["state"].expand(3, 4)
    x["timespans"] = x["timespans"].expand(5, 3, 1)
    x["resets"] = torch.tensor([False, True, False]).expand(5, 3)
    # Whose gradients are expanded as well.
    assert_equal(x, lambda y, states: y.sum() + states.sum())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("timed", [False, True])
def test_a_reset_heals_a_state_that_is_no_number(path, bad, timed):
    x = numbers(5, 6, 4, path.dtype, timed=timed)
    x["resets"] = torch.zeros(5, 6, dtype=torch.bool)
    x["resets"][0, 1] = x["resets"][0, 5] = True
    with torch.no_grad():
        x["state"][1] = x["state"][5] = bad
    zeroed = x["state"].detach().masked_fill(x["resets"][0, :, None], 0)
    loss = drawn_loss(x)
    got = values_and_gradients(scan, x, loss)
    twin = {**x, "state": zeroed.requires_grad_()}
    for ours, theirs in zip(got, values_and_gradients(scan, twin, loss), strict=True):
        assert all(tensor.isfinite().all() for tensor in ours)
        close(ours, theirs)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("head", [0, 1])
def test_nan_in_the_inputs_stays_in_its_row_and_is_not_hidden(path, head, timed):
    x = numbers(5, 6, 4, path.dtype, timed=timed)
    _, expected = scan(**x)
    with torch.no_grad():
        x["inputs"][2, 1, 4 * head] = torch.nan
    _, states = scan(**x)
    assert states[2, 1, 0].isnan()
    assert states[3:, 1].isnan().all()
    close([states[:2]], [expected[:2]])
    others = [0, 2, 3, 4, 5]
    close([states[:, others]], [expected[:, others]])


def test_infinite_inputs_saturate(path):
    x = numbers(5, 6, 4, path.dtype)
    with torch.no_grad():
        x["inputs"][1:4, 1, ::5] = torch.inf
        x["inputs"][2:, 4, 1::3] = -torch.inf
    got, gradients = values_and_gradients(scan, x, drawn_loss(x))
    close(got, unrolled(**x))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_vmap_and_grad_of_torch_func_equal_autograd(path):
    x = numbers(5, 3, 4, path.dtype, timed=True, resets=True)
    loss = drawn_loss(x)

    def function(*tensors):
        return loss(*scan(**dict(zip(NAMES, tensors, strict=True)), resets=x["resets"]))

    expected = values_and_gradients(scan, x, loss)[1]
    close(torch.func.grad(function, argnums=(0, 1, 2, 3))(*differentiable(x)), expected)
    y, _ = scan(**x)
    directions = torch.randn(3, *y.shape, dtype=path.dtype)

    def pull(direction):
        return torch.autograd.grad(y, differentiable(x), direction, retain_graph=True)

    for many, *each in zip(
        torch.func.vmap(pull)(directions), *map(pull, directions), strict=True
    ):
        close([many], [torch.stack(each)])


@pytest.mark.parametrize("steps", [1, 9])  # with and without the fast paths
@pytest.mark.parametrize("timed", [False, True])
def test_scan_under_autocast_computes_in_the_dtype_of_its_weight(steps, timed):
    x = numbers(steps, 5, 7, F32, timed=timed, resets=True)
    expected = scan(**x)
    with torch.autocast("cpu", torch.bfloat16):
        got = scan(**x)
    assert got[0].dtype == F32
    close(got, expected)
