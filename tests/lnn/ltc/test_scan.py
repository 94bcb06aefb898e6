"""Liquid time-constant neurons over time: their equations, whichever backend."""

import pytest
import torch
from circuits import (
    NAMES,
    differentiable,
    drawn_loss,
    numbers,
    scan,
    slow,
    values_and_gradients,
)
from paths import force
from scans import F32, F64, LAYOUTS, close, second_derivatives

from velora.models.lnn.ltc import backends

# (T, B, F, H): all 1, one of them 1, B == H, T == B, as many as lanes and one more.
SIZES = [(1, 1, 1, 1), (3, 3, 3, 3), (1, 17, 2, 4), (9, 1, 3, 5), (3, 5, 1, 2)]
SIZES += [(4, 8, 8, 8), (2, 9, 16, 5), (2, 33, 2, 3)]


def unrolled(**x):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("VELORA_SCAN", "steps")
        return scan(**x)


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


@pytest.mark.parametrize("timed", [False, True])
def test_steps_equal_their_equations(monkeypatch, timed):
    monkeypatch.setenv("VELORA_SCAN", "steps")
    x = numbers(4, 3, 2, 5, F64, timed=timed, resets=True)
    assert_equal(x, drawn_loss(x))


@pytest.mark.parametrize("timed", [False, True])
def test_path_equals_the_unrolled_over_a_long_time(path, timed):
    x = numbers(65, 6, 7, 20, path.dtype, timed=timed, resets=True)
    assert_equal(x, drawn_loss(x), unrolled)


@pytest.mark.parametrize("timed", [False, True])
def test_derivatives_pass_gradcheck(monkeypatch, timed):
    calls = force(monkeypatch, "operators", backends)
    x = numbers(3, 2, 2, 3, F64, timed=timed)
    x["resets"] = torch.tensor([[0, 1], [0, 0], [1, 0]]).bool()

    def function(*tensors):
        return scan(**{**x, **dict(zip(NAMES, tensors, strict=False))})

    assert torch.autograd.gradcheck(function, differentiable(x))
    assert torch.autograd.gradgradcheck(function, differentiable(x))
    assert calls["operators forward"]
    assert calls["operators backward"]


def test_second_derivatives_equal_those_of_the_unrolled(path):
    x = numbers(4, 3, 2, 4, path.dtype, timed=True, resets=True)
    loss, tensors = drawn_loss(x), differentiable(x)
    got = second_derivatives(lambda: loss(scan(**x)), tensors)
    close(got, second_derivatives(lambda: loss(unrolled(**x)), tensors))


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), NAMES[::2]])
def test_tensors_that_need_no_gradient_get_none(path, names):
    x = numbers(4, 3, 2, 4, path.dtype, timed=True, resets=True)
    loss = drawn_loss(x)
    whole = dict(zip(NAMES, values_and_gradients(slow, x, loss)[1], strict=True))
    for name in NAMES:
        x[name].requires_grad_(name in names)
    loss(scan(**x)).backward()
    close([x[name].grad for name in names], [whole[name] for name in names])
    assert all(x[name].grad is None for name in set(NAMES) - set(names))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_numbers_are_the_same(path, mode):
    x = numbers(4, 3, 2, 4, path.dtype, timed=True, resets=True)
    expected = scan(**x)
    with mode():
        got = scan(**x)
    assert torch.equal(got, expected)
    assert expected.requires_grad
    assert not got.requires_grad


def test_backward_twice_gives_the_same_and_changes_no_argument(path):
    x = numbers(4, 3, 2, 4, path.dtype, timed=True, resets=True)
    kept = [tensor.detach().clone() for tensor in differentiable(x)]
    states = scan(**x)
    gradient = torch.randn_like(states)
    given = gradient.clone()
    first = torch.autograd.grad(states, differentiable(x), given, retain_graph=True)
    again = torch.autograd.grad(states, differentiable(x), given)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert torch.equal(given, gradient)
    now = differentiable(x)
    assert all(torch.equal(*pair) for pair in zip(now, kept, strict=True))


@pytest.mark.parametrize("name", [*NAMES, "resets", "gradient"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_in_memory_gives_the_same(path, layout, name):
    x = numbers(4, 3, 2, 5, path.dtype, timed=True, resets=True)
    x["gradient"] = torch.randn(4, 3, 5, dtype=path.dtype)
    apart = {**x, name: LAYOUTS[layout](x[name])}
    results = []
    for arguments in (x, apart):
        gradient = arguments.pop("gradient")
        states = scan(**arguments)
        results.append(
            (states, *torch.autograd.grad(states, differentiable(x), gradient))
        )
    close(*results)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("timed", [False, True])
def test_a_reset_heals_a_state_that_is_no_number(path, bad, timed):
    x = numbers(4, 6, 2, 4, path.dtype, timed=timed)
    x["resets"] = torch.zeros(4, 6, dtype=torch.bool)
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


def test_nan_in_the_inputs_stays_in_its_row_and_is_not_hidden(path):
    x = numbers(4, 6, 2, 4, path.dtype)
    expected = scan(**x)
    with torch.no_grad():
        x["x"][2, 1, 0] = torch.nan
    states = scan(**x)
    assert states[2:, 1, 0].isnan().all()  # that neuron has all synapses
    close([states[:2]], [expected[:2]])
    others = [0, 2, 3, 4, 5]
    close([states[:, others]], [expected[:, others]])


def test_infinite_inputs_open_or_shut_synapses(path):
    x = numbers(4, 6, 3, 4, path.dtype)
    with torch.no_grad():
        x["x"][1:3, 1, ::2] = torch.inf
        x["x"][2:, 4, 1] = -torch.inf
    close([scan(**x)], [slow(**x)])


@pytest.mark.parametrize("timed", [False, True])
def test_scan_under_autocast_computes_in_the_dtype_of_its_neurons(path, timed):
    x = numbers(3, 5, 2, 7, path.dtype, timed=timed, resets=True)
    expected = scan(**x)
    with torch.autocast("cpu", torch.bfloat16):
        got = scan(**x)
    assert got.dtype == path.dtype
    close([got], [expected])


@pytest.mark.parametrize(
    ("name", "dtype", "taken"),
    [
        ("numba", F32, {"numba forward": 1}),
        ("operators", F32, {"operators forward": 1}),
        ("operators", F64, {"operators forward": 1}),
        ("steps", F32, {}),
        ("", F64, {"operators forward": 1}),
        ("", F32, {"numba forward": 1}),
    ],
)
def test_variable_forces_a_backend_at_each_call(monkeypatch, name, dtype, taken):
    if "numba forward" in taken:
        force(monkeypatch, "compiled", backends)  # skips where there is no numba
    calls = force(monkeypatch, "operators", backends)
    monkeypatch.setenv("VELORA_SCAN", name)
    x = numbers(4, 3, 2, 4, dtype, timed=True, resets=True)
    close([scan(**x)], [slow(**x)])
    assert calls == taken


def test_unknown_backend_is_refused(monkeypatch):
    monkeypatch.setenv("VELORA_SCAN", "nubma")
    with pytest.raises(ValueError, match=r"VELORA_SCAN.*numba.*steps.*got 'nubma'"):
        scan(**numbers(4, 3, 2, 4, F32))


def test_backend_that_cannot_take_the_numbers_is_refused(monkeypatch):
    monkeypatch.setenv("VELORA_SCAN", "numba")
    with pytest.raises(RuntimeError, match=r"VELORA_SCAN=numba.*float64 on cpu"):
        scan(**numbers(4, 3, 2, 4, F64))


@pytest.mark.parametrize("without", [slice(2), slice(2, None), slice(None)])
def test_neurons_without_synapses_leak(path, without):
    x = numbers(4, 3, 2, 4, path.dtype, timed=True)
    x["mask"][:, without] = False
    assert_equal(x, drawn_loss(x))


def test_pairs_without_a_synapse_have_no_effect_and_no_gradient(path):
    x = numbers(4, 3, 2, 4, path.dtype, timed=True)
    apart = ~x["mask"].expand(4, -1, -1)
    twin = {**x, "synapses": x["synapses"].detach().masked_fill(apart, 7.0)}
    twin["synapses"].requires_grad_()
    for function in (scan, unrolled):
        got, gradients = values_and_gradients(function, twin, drawn_loss(x))
        close(got, [scan(**x)])
        assert not gradients[NAMES.index("synapses")][apart].any()
