"""scan: the numbers of its equations, whichever implementation it takes."""

import copy
import importlib
import itertools
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from velora.models.lnn import activation, compiled, fused, ncp, recurrence
from velora.models.lnn.activation import mish
from velora.models.lnn.scan import scan

MODULE = importlib.import_module("velora.models.lnn.scan")
F32, F64 = torch.float32, torch.float64
TOLERANCES = {F64: 1e-10, F32: 1e-5, torch.bfloat16: 0.05}
# The dtype, and which function runs forward.
PATHS = {
    "operators": (F64, "forward"),
    "operators in float32": (F32, "forward"),
    "compiled": (F32, "compiled_forward"),
    "compiled as for wide states": (F32, "compiled_forward"),
}
NAMES = ("inputs", "weight", "state", "timespans")
TIMESPANS = {None: 0, "(T,)": 1, "(T, B)": 2, "(T, B, 1)": 3}  # and their dimensions
# (T, B, H): all 1, one of them 1, B == H, T == B, and all the same.
SIZES = [(1, 1, 1), (3, 3, 3), (1, 65, 3), (63, 1, 3), (3, 65, 1), (3, 63, 63)]
SIZES += [(65, 65, 3), (65, 3, 65)]


def force(monkeypatch, name):
    """Makes `scan` take one path at any size, and counts which ones it takes."""
    if name.startswith("compiled") and compiled.loops() is None:
        pytest.skip("numba is not installed")
    calls = Counter()

    def counted(function):
        def call(*arguments):
            calls[function.__name__] += 1
            return function(*arguments)

        return call

    for function in ("forward", "compiled_forward", "backward", "compiled_backward"):
        replaced = counted(getattr(recurrence, function))
        monkeypatch.setattr(recurrence, function, replaced)
    monkeypatch.setattr(recurrence, "SHORT", 10**9 if name == "unrolled" else 0)
    for limit in ("_LARGE", "_LARGE_IN_PARALLEL"):
        monkeypatch.setattr(recurrence, limit, 10**12)
    monkeypatch.setattr(recurrence, "_WIDE", 0 if "wide" in name else 10**6)
    if not name.startswith("compiled"):
        monkeypatch.setattr(recurrence, "loops", lambda: None)
    return calls


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    """The path that `scan` takes: the test fails if it took another or none."""
    dtype, forward = PATHS[request.param]
    calls = force(monkeypatch, request.param)
    yield SimpleNamespace(dtype=dtype, calls=calls)
    backward = forward.replace("forward", "backward")
    assert calls[forward]
    assert set(calls) <= {forward, backward}


def numbers(steps, batch, hidden, dtype, *, timespans=None, resets=False):
    """Draws the tensors that `scan` takes, by name, and what is no number."""
    heads = 4 if timespans is None else 5
    times = 3 * torch.rand((steps, batch, 1)[: TIMESPANS[timespans]], dtype=dtype)
    tensors = {
        "inputs": torch.randn(steps, batch, heads * hidden, dtype=dtype),
        "weight": torch.randn(heads * hidden, hidden, dtype=dtype) / hidden**0.5,
        "state": torch.randn(batch, hidden, dtype=dtype),
        "timespans": times if timespans else None,
        "resets": torch.rand(steps, batch) < 0.3 if resets else None,
    }
    for name in NAMES:
        if tensors[name] is not None:
            tensors[name].requires_grad_()
    return tensors


def slow(inputs, weight, state, *, resets=None, timespans=None):
    """The equations of `scan`, one step and one head at a time, in double precision."""
    inputs, weight, h = inputs.double(), weight.double(), state.double()
    hidden = weight.shape[1]
    outputs, states = [], []
    for step in range(len(inputs)):
        if resets is not None:
            h = torch.where(resets[step].bool()[:, None], torch.zeros_like(h), h)
        heads = []
        for head in range(0, len(weight), hidden):
            rows = slice(head, head + hidden)
            heads.append(inputs[step, :, rows] + h @ weight[rows].T)
        f = heads[2]
        if timespans is not None:
            f = f * timespans[step].double().reshape(-1, 1) + heads[3]
        gate = 1 / (1 + torch.exp(-f))
        h = torch.tanh(heads[0]) * (1 - gate) + gate * torch.tanh(heads[1])
        outputs.append(heads[-1] + h)
        states.append(h)
    return torch.stack(outputs), torch.stack(states)


def unrolled(*arguments, **options):
    """`scan` by its plain operators."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        force(monkeypatch, "unrolled")
        return scan(*arguments, **options)


def differentiable(x):
    """The tensors of `numbers` that a gradient is for."""
    return [x[name] for name in NAMES if x[name] is not None and x[name].requires_grad]


def close(got, expected, tolerance=None):
    """Compares tensor by tensor, relative to the largest number of each.

    A gradient of a weight or of a timespan is a sum over steps and rows (or neurons):
    where its terms cancel, what is left of it has the rounding of its terms.
    """
    for ours, theirs in zip(got, expected, strict=True):
        limit = tolerance or TOLERANCES[ours.dtype]
        finite = theirs.detach()[theirs.isfinite()].abs()
        scale = max(1.0, finite.max().item()) if finite.numel() else 1.0
        torch.testing.assert_close(
            ours.double(), theirs.double(), rtol=limit, atol=limit * scale
        )


def values_and_gradients(function, x, loss):
    """Returns what `function` computes and the gradients of `loss` of it."""
    outputs = function(**x)
    return outputs, torch.autograd.grad(loss(*outputs), differentiable(x))


def drawn_loss(x):
    """Draws a loss in which every number of y and of states has a weight of its own."""
    shape = x["inputs"].shape[:2] + x["state"].shape[1:]
    of_y, of_states = torch.randn(2, *shape, dtype=x["inputs"].dtype)
    return lambda y, states: (y * of_y).sum() + (states * of_states).sum()


def assert_equal(x, loss, function=slow):
    got = values_and_gradients(scan, x, loss)
    expected = values_and_gradients(function, x, loss)
    for ours, theirs in zip(got, expected, strict=True):
        close(ours, theirs)


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
    for name, (dtype, _) in PATHS.items():
        if name.startswith("compiled") and compiled.loops() is None:
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
    assert calls["forward"]
    assert calls["backward"]


def second_derivatives(function, tensors):
    """Returns the gradients of a loss, and those of their squares."""
    first = torch.autograd.grad(function(), tensors, create_graph=True)
    return *first, *torch.autograd.grad(sum((g * g).sum() for g in first), tensors)


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


def test_arguments_are_left_as_they_were(path):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    kept = {name: tensor.detach().clone() for name, tensor in x.items()}
    y, states = scan(**x)
    of_y, of_states = torch.randn_like(y), torch.randn_like(states)
    gradients = of_y.clone(), of_states.clone()
    torch.autograd.backward((y, states), gradients)
    torch.autograd.grad(scan(**x)[1], x["state"], gradients[1])
    assert all(torch.equal(x[name], kept[name]) for name in x)
    assert torch.equal(gradients[0], of_y)
    assert torch.equal(gradients[1], of_states)


def swapped(x, dim):
    return x.transpose(0, dim).contiguous().transpose(0, dim)


# The same numbers elsewhere in memory.
LAYOUTS = {
    "batch first": lambda x: swapped(x, 1),
    "last first": lambda x: swapped(x, -1),
    "spaced": lambda x: torch.stack((x, x + 1), dim=-1)[..., 0],
}


@pytest.mark.parametrize("used", ["y", "states", "y states"])
@pytest.mark.parametrize("name", [*NAMES, "resets", "gradients"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_in_memory_gives_the_same(path, layout, name, used):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    x["gradients"] = torch.randn(5, 3, 4, dtype=path.dtype)
    apart = {**x, name: LAYOUTS[layout](x[name])}
    assert not apart[name].is_contiguous()
    results = []
    for arguments in (x, apart):
        gradient = arguments.pop("gradients")
        outputs = dict(zip(("y", "states"), scan(**arguments), strict=True))
        wanted = [outputs[name] for name in used.split()]
        tensors = differentiable(x)
        gradients = torch.autograd.grad(wanted, tensors, [gradient] * len(wanted))
        results.append((*wanted, *gradients))
    close(*results)


def test_expanded_arguments_give_the_same_as_repeated_ones(path):
    x = numbers(1, 1, 4, path.dtype)
    x["inputs"] = x["inputs"].expand(5, 3, 16)
    x["state"] = x["state"].expand(3, 4)
    x["resets"] = torch.tensor([False, True, False]).expand(5, 3)
    assert_equal(x, lambda y, states: y.sum())  # whose gradient is expanded as well


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_a_reset_heals_a_state_that_is_no_number(path, bad, timespans):
    x = numbers(5, 6, 4, path.dtype, timespans=timespans)
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


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("row", [1, 5])  # in the block of four rows, and after it
def test_a_state_that_is_no_number_stays_in_its_row(path, bad, row):
    x = numbers(5, 6, 4, path.dtype, timespans="(T, B)")
    x["resets"] = torch.zeros(5, 6, dtype=torch.bool)
    x["resets"][3, row] = True
    expected = scan(**x)
    with torch.no_grad():
        x["state"][row] = bad
    others = [other for other in range(6) if other != row]
    for ours, theirs in zip(scan(**x), expected, strict=True):
        close([ours[:, others]], [theirs[:, others]])
        close([ours[3:, row]], [theirs[3:, row]])
        if bad != bad:
            assert ours[:3, row].isnan().all()


@pytest.mark.parametrize("head", range(4))
def test_nan_in_the_inputs_is_not_hidden(path, head):
    x = numbers(5, 6, 4, path.dtype)
    expected = scan(**x)
    with torch.no_grad():
        x["inputs"][2, 1, 4 * head] = torch.nan
    y, states = scan(**x)
    assert y[2, 1, 0].isnan()
    assert states[2, 1, 0].isnan() == (head < 3)  # y alone has the projection
    if head < 3:
        assert y[3:, 1].isnan().all()
        assert states[3:, 1].isnan().all()
    others = [0, 2, 3, 4, 5]
    close((y[:2], states[:2]), (expected[0][:2], expected[1][:2]))
    close((y[:, others], states[:, others]), (e[:, others] for e in expected))


def test_infinite_inputs_saturate(path):
    x = numbers(5, 6, 4, path.dtype)
    with torch.no_grad():
        x["inputs"][1:4, 1, :12:5] = torch.inf
        x["inputs"][2:, 4, 1:12:3] = -torch.inf
    got, gradients = values_and_gradients(scan, x, drawn_loss(x))
    close(got, slow(**x))
    assert all(gradient.isfinite().all() for gradient in gradients)


# With T = 5, B = 3, H = 2 and five heads.
WRONG = {
    "inputs": "0,3,10 5,0,10 0,0,10 5,3,7 5,3,8 5,3,2 3,10 5,30 10 1,5,3,10 5,3,10,1",
    "weight": "8,2 2,10 10,3 1,2 0,2 20 10 10,2,1",
    "state": "2 3 1,2 3,1 2,3 3,3 1,3,2 5,3,2",
    "resets": "5 3 3,5 1,3 5,1 5,2 5,3,1",
    "timespans": "0 1 3 3,5 1,3 5,1 5,1,1 1,1,1 3,5,1 5,3,2 5,3,10 5,3,1,1",
}


@pytest.mark.parametrize(
    ("name", "shape"), [(name, s) for name in WRONG for s in ["", *WRONG[name].split()]]
)
def test_wrong_shapes_are_refused(name, shape):
    x = numbers(5, 3, 2, F32, timespans="(T, B)", resets=True)
    shape = tuple(map(int, shape.split(","))) if shape else ()
    with pytest.raises(ValueError, match=rf"^`{name}` must have shape") as error:
        scan(**{**x, name: torch.ones(shape)})
    assert str(shape) in str(error.value)


def test_five_heads_without_timespans_are_refused():
    x = numbers(5, 3, 2, F32, timespans="(T, B)")
    with pytest.raises(ValueError, match=r"`weight`.*4 heads without timespans"):
        scan(**{**x, "timespans": None})


def test_grad_of_torch_func_equals_autograd(path):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    loss = drawn_loss(x)

    def function(*tensors):
        arguments = dict(zip(NAMES, tensors, strict=True))
        return loss(*scan(**arguments, resets=x["resets"]))

    got = torch.func.grad(function, argnums=(0, 1, 2, 3))(*differentiable(x))
    close(got, values_and_gradients(scan, x, loss)[1])


def test_vmap_equals_a_loop(path):
    runs = [
        numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True) for _ in range(3)
    ]
    weight = runs[0]["weight"]

    def function(inputs, state, resets, timespans):
        return scan(inputs, weight, state, resets=resets, timespans=timespans)

    names = ("inputs", "state", "resets", "timespans")
    got = torch.vmap(function)(*(torch.stack([x[n] for x in runs]) for n in names))
    expected = [scan(**{**x, "weight": weight}) for x in runs]
    close(got, map(torch.stack, zip(*expected, strict=True)))


# What the compiler warns about is its own code.
@pytest.mark.filterwarnings("ignore:::torch")
@pytest.mark.parametrize("dtype", [F32, F64])
def test_scan_under_torch_compile_equals_the_plain_one(dtype):
    torch._dynamo.reset()
    x = numbers(4, 3, 4, dtype, timespans="(T, B)", resets=True)
    assert_equal(x, drawn_loss(x), torch.compile(scan, backend="eager", fullgraph=True))
    torch._dynamo.reset()


@pytest.mark.parametrize("steps", [1, 2, 3, 9])  # with and without the fast paths
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_scan_under_autocast_computes_in_the_dtype_of_its_weight(steps, timespans):
    x = numbers(steps, 5, 7, F32, timespans=timespans, resets=True)
    expected = scan(**x)
    with torch.autocast("cpu", torch.bfloat16):
        got = scan(**x)
    assert got[0].dtype == got[1].dtype == F32
    close(got, expected)


@pytest.mark.parametrize(
    ("threads", "work", "taken"),
    [(1, 20e6, True), (1, 21e6, False), (2, 5e6, True), (2, 6e6, False)],
)
def test_compiled_loops_are_taken_up_to_a_size(request, threads, work, taken):
    if compiled.loops() is None:
        pytest.skip("numba is not installed")
    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(threads)
    x = torch.zeros(1)
    assert (recurrence.forward_for(x, work) is recurrence.compiled_forward) == taken
    assert (recurrence.backward_for(x, work) is recurrence.compiled_backward) == taken
    assert recurrence.forward_for(x.double(), work) is recurrence.forward


@pytest.mark.parametrize(
    ("hidden", "work", "by_columns"), [(191, 1, True), (192, 1, False), (3, 1e9, False)]
)
def test_weight_lies_as_the_function_that_reads_it_likes(hidden, work, by_columns):
    if compiled.loops() is None:
        pytest.skip("numba is not installed")
    weight = torch.randn(4 * hidden, 2 * hidden)[:, hidden:]
    laid = recurrence.laid_out(weight, weight, work)
    assert torch.equal(laid, weight)
    assert laid.stride() == ((1, 4 * hidden) if by_columns else (hidden, 1))


@pytest.mark.parametrize("name", ["operators", "compiled"])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_network_trains_in_bfloat16(
    monkeypatch, make_liquid, name, autocast, timespans
):
    calls = force(monkeypatch, name)
    network = make_liquid((3, 20, 2), F32)
    x, options = torch.randn(5, 3, 3), {"resets": torch.rand(5, 3) < 0.3}
    options["timespans"] = timespans and torch.rand(5, 3)
    expected = network.forward_sequence(x, **options, return_states=True)
    if not autocast:
        network, x = network.bfloat16(), x.bfloat16()
    calls.clear()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        got = network.forward_sequence(x, **options, return_states=True)
    dtype = F32 if autocast else torch.bfloat16
    assert got[0].dtype == torch.bfloat16
    assert got[1].dtype == got[2].dtype == dtype
    close(got, expected, TOLERANCES[torch.bfloat16])
    sum(output.float().sum() for output in got).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    loops = "compiled_" if autocast and name == "compiled" else ""  # single only
    assert calls == {f"{loops}forward": 1, f"{loops}backward": 1}


@pytest.fixture(params=["operators", "compiled"])
def single_mish(request, monkeypatch):
    """Mish of float32 with numba and without it."""
    if request.param == "operators":
        monkeypatch.setattr(activation, "loops", lambda: None)
    elif compiled.loops() is None:
        pytest.skip("numba is not installed")

    def checked(x):
        y = mish(x)
        assert ("_Mish" in y.grad_fn.name()) == (request.param == "compiled")
        return y

    return checked


def exact_mish(x):
    """Returns Mish, its slope and the size of the slope's terms, all in float64."""
    x = x.detach().double().requires_grad_()
    y = functional.mish(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    tanh = (y / x).nan_to_num()
    return y.detach(), slope, tanh.abs() + (slope - tanh).abs()


@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
def test_mish_and_its_slope_equal_those_of_pytorch(single_mish, layout):
    plain = torch.linspace(-80, 80, 99 * 101).view(99, 101)
    weights = torch.randn(99, 101)
    place = LAYOUTS.get(layout, torch.clone)
    x = place(plain).requires_grad_()
    y = single_mish(x)
    (slope,) = torch.autograd.grad(y, x, place(weights))
    value, derivative, size = exact_mish(plain)
    torch.testing.assert_close(y.double(), value, rtol=2e-6, atol=0)
    # The slope is a sum of two terms, which cancel near x = -1.19.
    error = (slope - derivative * weights).abs()
    assert (error <= 2e-6 * size * weights.abs()).all()


def test_mish_leaves_nan_and_infinity_as_they_are(single_mish):
    x = torch.randn(5000)
    x[7], x[8], x[4999] = torch.nan, torch.inf, torch.nan
    y = single_mish(x.clone().requires_grad_())
    assert y[8] == torch.inf
    assert y.isnan().nonzero().flatten().tolist() == [7, 4999]


def test_mish_of_huge_numbers_is_zero_or_they(single_mish):
    x = torch.cat((-torch.logspace(2, 38, 3000), torch.logspace(2, 38, 3000)))
    x.requires_grad_()
    y = single_mish(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(y, x.clamp(min=0), rtol=2e-6, atol=1e-12)
    torch.testing.assert_close(slope, (x > 0).float(), rtol=2e-6, atol=1e-12)


def test_second_derivative_of_mish_equals_that_of_pytorch(single_mish):
    x = torch.linspace(-20, 20, 5000)
    results = []
    for function, start in ((single_mish, x), (functional.mish, x.double())):
        start = start.clone().requires_grad_()
        results.append(
            second_derivatives(lambda f=function, s=start: f(s).sum(), [start])
        )
    close(*results)


ALONE = """
import sys, torch
{before}
from velora.models.lnn import LiquidNCPNetwork, compiled
assert compiled.loops() is None
network = LiquidNCPNetwork(3, 20, 2)
x, state, outputs = torch.randn(5, 4, 3), network.initial_state(4), []
y, end = network.forward_sequence(x)
for step in x:
    output, state = network(step, state)
    outputs.append(output)
torch.testing.assert_close((y, end), (torch.stack(outputs), state))
y.sum().backward()
"""
BLOCKED = "sys.modules['numba'] = None"


@pytest.mark.parametrize(
    ("before", "environment"),
    [(BLOCKED, {}), ("", {"NUMBA_DISABLE_JIT": "1"})],
    ids=["no numba", "no compiling"],
)
def test_sequence_works_without_compiled_loops(before, environment):
    subprocess.run(
        [sys.executable, "-c", ALONE.format(before=before)],
        env={**os.environ, **environment},
        check=True,
    )


def test_gradients_of_many_directions_at_once_equal_one_by_one(path):
    inputs, weight = torch.randn(5, 3, 16), torch.randn(16, 4)
    inputs, weight = inputs.requires_grad_(), weight.requires_grad_()
    y, _ = scan(inputs, weight, torch.randn(3, 4))
    z = mish(inputs.expand(20, 5, 3, 16).flatten())  # long enough for a loop
    for output, arguments in ((y, (inputs, weight)), (z, (inputs,))):
        directions = torch.randn(3, *output.shape)

        def pull(direction, output=output, arguments=arguments):
            return torch.autograd.grad(output, arguments, direction, retain_graph=True)

        for many, *each in zip(
            torch.func.vmap(pull)(directions), *map(pull, directions), strict=True
        ):
            torch.testing.assert_close(many, torch.stack(each))


@pytest.fixture
def fused_calls(monkeypatch):
    """Counts the sequences that a network computes as one function."""
    calls = Counter()

    def counted(*arguments, **options):
        calls["fused"] += 1
        return fused.fused(*arguments, **options)

    monkeypatch.setattr(ncp, "fused", counted)
    return calls


def drawn_sequence(network, dtype, *, timespans=None, resets=True, sizes=(5, 3)):
    """Draws what `forward_sequence` takes; returns it, and what is differentiable."""
    steps, batch = sizes
    x = torch.randn(*sizes, network.in_features, dtype=dtype, requires_grad=True)
    state = torch.randn(batch, network.hidden_size, dtype=dtype, requires_grad=True)
    t = timespans
    tensors = [x, state, *network.parameters()]
    if isinstance(timespans, str):
        t = (3 * torch.rand((steps, batch, 1), dtype=dtype)).flatten(1)
        t = t[:, 0].clone() if timespans == "(T,)" else t
        tensors.append(t.requires_grad_())
    drawn = torch.rand(sizes) < 0.3
    options = {"resets": drawn if resets else None, "timespans": t}
    return x, state, options, tensors


def gradients_of(outputs, weights, tensors):
    loss = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    return torch.autograd.grad(loss, tensors, materialize_grads=True)


def in_double(network):
    double = copy.deepcopy(network).double()
    return double, list(double.parameters())


@pytest.mark.parametrize("timespans", [None, 1, 0.5, "(T,)", "(T, B)"])
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 1), (4, 5), (9, 6), (65, 17)])
def test_fused_network_equals_the_reference(
    path, fused_calls, make_liquid, reference, sizes, resets, timespans, monkeypatch
):
    monkeypatch.setattr(recurrence, "SHORT", 0)
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(
        network, path.dtype, timespans=timespans, resets=resets, sizes=sizes
    )
    got = network.forward_sequence(x, state, **options, return_states=True)
    weights = [torch.randn_like(output) for output in got]
    gradients = gradients_of(got, weights, tensors)
    assert fused_calls["fused"] == 1
    double, parameters = in_double(network)
    x, state = (z.detach().double().requires_grad_() for z in (x, state))
    slow, t = [x, state, *parameters], options["timespans"]
    if isinstance(t, torch.Tensor):
        t = t.detach().double().requires_grad_()
        slow.append(t)
    expected = reference.sequence(double, x, state, options["resets"], t)
    weights = [weight.double() for weight in weights]
    close(got, expected)
    close(gradients, gradients_of(expected, weights, slow))


@pytest.mark.parametrize("used", ["y", "state", "states", "y states", "y y"])
def test_fused_gradient_is_right_whatever_is_used(path, fused_calls, make_liquid, used):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(network, path.dtype, timespans="(T, B)")

    def gradients():
        names = ("y", "state", "states")
        outputs = network.forward_sequence(x, state, **options, return_states=True)
        outputs = dict(zip(names, outputs, strict=True))
        loss = sum((outputs[name] ** 2).sum() for name in used.split())
        return torch.autograd.grad(loss, tensors, materialize_grads=True)

    got = gradients()
    with torch.nn.modules.module.register_module_forward_hook(lambda *_: None):
        expected = gradients()
    assert fused_calls["fused"] == 1
    close(got, expected)


@pytest.mark.parametrize("wanted", ["x", "state", "motor", "inter", "head", "bias"])
def test_fused_network_gives_gradients_to_what_needs_them(
    path, fused_calls, make_liquid, wanted
):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    tensors = {"x": x, "state": state, **dict(network.named_parameters())}

    def loss():
        y, last = network.forward_sequence(x, state, **options)
        return (y**2).sum() + last.sum()

    whole = torch.autograd.grad(loss(), list(tensors.values()))
    for name, tensor in tensors.items():
        tensor.requires_grad_(wanted in name)
    loss().backward()
    assert fused_calls["fused"] == 2
    assert any(tensor.requires_grad for tensor in tensors.values())
    for tensor, expected in zip(tensors.values(), whole, strict=True):
        assert (tensor.grad is None) != tensor.requires_grad
        if tensor.requires_grad:
            close([tensor.grad], [expected])


def test_fused_network_ignores_masked_weights(path, fused_calls, make_liquid):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    before = network.forward_sequence(x, state, **options)
    layers = network.inter, network.motor, *network.command.heads
    for layer, sign in zip(layers, itertools.cycle((1, -1))):
        masked = layer.mask == 0
        assert masked.any()
        layer.weight.data[masked] = sign * torch.finfo(path.dtype).max
    after = network.forward_sequence(x, state, **options)
    assert fused_calls["fused"] == 2
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    sum(output.sum() for output in after).backward()
    for layer in layers:
        assert not layer.weight.grad[layer.mask == 0].any()
        assert layer.weight.grad[layer.mask != 0].all()


def test_fused_gradients_of_heads_can_be_changed_one_by_one(path, make_liquid):
    network = make_liquid((3, 24, 2), path.dtype)
    network.forward_sequence(torch.randn(5, 3, 3, dtype=path.dtype))[0].sum().backward()
    gradients = [p.grad for p in network.parameters()]
    kept = [gradient.clone() for gradient in gradients]
    for index, gradient in enumerate(gradients):
        gradient.fill_(index)
        kept[index].fill_(index)
        assert all(torch.equal(*pair) for pair in zip(gradients, kept, strict=True))


class Doubled(torch.nn.Module):
    def forward(self, weight):
        return 2 * weight


def hooked(network, layer):
    return layer.register_forward_hook(lambda module, x, y: 2 * y)


def hooked_before(network, layer):
    return layer.register_forward_pre_hook(lambda module, x: (2 * x[0],))


def hooked_backward(network, layer):
    return layer.register_full_backward_hook(
        lambda module, to_x, to_y: tuple(None if g is None else 2 * g for g in to_x)
    )


def parametrized(network, layer):
    torch.nn.utils.parametrize.register_parametrization(layer, "weight", Doubled())


def subclassed(network, layer):
    class Louder(type(layer)):
        def forward(self, x):
            return 2 * super().forward(x)

    layer.__class__ = Louder


def wrapped(network, layer):
    forward = layer.forward
    layer.forward = lambda x: 2 * forward(x)


CHANGES = [hooked, hooked_before, hooked_backward, parametrized, subclassed, wrapped]


@pytest.mark.parametrize("layer", ["inter", "motor"])
@pytest.mark.parametrize("change", CHANGES)
def test_changed_layer_is_never_bypassed(make_liquid, fused_calls, change, layer):
    network = make_liquid((3, 24, 2), F32)
    x, state = torch.randn(5, 3, 3, requires_grad=True), torch.randn(3, 9)
    plain = network.forward_sequence(x, state)[0]
    assert fused_calls["fused"] == 1
    change(network, network.get_submodule(layer))
    outputs, hidden = [], state
    for step in x:
        y, hidden = network(step, hidden)
        outputs.append(y)
    got = network.forward_sequence(x, state)[0]
    assert fused_calls["fused"] == 1
    close([got], [torch.stack(outputs)])
    close(*(torch.autograd.grad(y.sum(), x) for y in (got, torch.stack(outputs))))
    if change is not hooked_backward:
        assert not torch.allclose(got, plain)


def test_hook_on_all_modules_is_never_bypassed(make_liquid, fused_calls):
    network, called = make_liquid((3, 24, 2), F32), []
    register = torch.nn.modules.module.register_module_forward_hook
    with register(lambda module, x, y: called.append(module)):
        network.forward_sequence(torch.randn(5, 3, 3))
    assert called == [network.inter, network.motor]
    assert not fused_calls


def test_parametrized_head_learns_through_its_parametrization(
    path, fused_calls, make_liquid
):
    network = make_liquid((3, 24, 2), path.dtype)
    x = torch.randn(5, 3, 3, dtype=path.dtype)
    double = copy.deepcopy(network)
    with torch.no_grad():
        double.command.proj.weight.mul_(2)
    parametrized(network, network.command.proj)
    got, expected = network.forward_sequence(x)[0], double.forward_sequence(x)[0]
    assert fused_calls["fused"] == 2
    close([got], [expected])
    original = network.command.proj.parametrizations.weight.original
    close(
        torch.autograd.grad(got.sum(), original),
        [2 * torch.autograd.grad(expected.sum(), double.command.proj.weight)[0]],
    )


@pytest.mark.parametrize("timespans", [None, 0.5, "(T, B)"])
def test_second_derivatives_of_fused_network_equal_the_reference(
    path, fused_calls, make_liquid, reference, timespans
):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(
        network, path.dtype, timespans=timespans
    )
    double, parameters = in_double(network)
    slow = [tensor.detach().double().requires_grad_() for tensor in tensors]
    slow[2 : 2 + len(parameters)] = parameters
    t = slow[-1] if timespans == "(T, B)" else timespans

    def loss(outputs):
        return sum((output**3).mean() for output in outputs)

    got = second_derivatives(
        lambda: loss(network.forward_sequence(x, state, **options)), tensors
    )
    assert fused_calls["fused"] == 1
    expected = second_derivatives(
        lambda: loss(reference.sequence(double, *slow[:2], options["resets"], t)[:2]),
        slow,
    )
    close(got, expected)


def test_weights_changed_after_a_fused_forward_leave_its_gradients(path, make_liquid):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(network, path.dtype)
    y, _ = network.forward_sequence(x, state, **options)
    wanted = tensors[:1] + tensors[2:]
    expected = torch.autograd.grad(y.sum(), wanted, retain_graph=True)
    of_x = torch.autograd.grad(y.sum(), x, retain_graph=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    got = torch.autograd.grad(y.sum(), wanted, retain_graph=True)
    close(torch.autograd.grad(y.sum(), x, retain_graph=True), of_x)
    close(got, expected)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*again"):
        torch.autograd.grad(y.sum(), tensors[2:], create_graph=True)
    with torch.no_grad():
        x.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_fused_backward_twice_gives_the_same_gradients(path, make_liquid):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(network, path.dtype, timespans="(T, B)")
    outputs = network.forward_sequence(x, state, **options)
    kept = [output.detach().clone() for output in outputs]
    loss = sum((output**2).sum() for output in outputs)
    first = torch.autograd.grad(loss, tensors, retain_graph=True)
    again = torch.autograd.grad(loss, tensors)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert all(torch.equal(*pair) for pair in zip(outputs, kept, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fused_network_takes_any_layout_in_memory(path, make_liquid, layout):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    apart = LAYOUTS[layout](x)
    results = []
    for placed in (x, apart):
        y, _ = network.forward_sequence(placed, state, **options)
        results.append((y, *torch.autograd.grad(y.square().sum(), [x, state])))
    close(*results)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_fused_network_without_gradients_gives_the_same(path, make_liquid, mode):
    network = make_liquid((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    expected = network.forward_sequence(x, state, **options)
    with mode():
        got = network.forward_sequence(x, state, **options)
    assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))


@pytest.mark.parametrize("prepare", ["autocast", "norm", "vmap", "bfloat16"])
def test_what_cannot_be_fused_is_not(fused_calls, make_liquid, prepare):
    norm = torch.nn.LayerNorm if prepare == "norm" else None
    network, x = make_liquid((3, 24, 2), F32, norm=norm), torch.randn(5, 3, 3)
    if prepare == "bfloat16":
        network, x = network.bfloat16(), x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=prepare == "autocast"):
        if prepare == "vmap":
            torch.vmap(network.forward_sequence)(torch.stack((x, x)))
        else:
            network.forward_sequence(x)
    assert not fused_calls


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint_gives_the_same_gradients(path, make_liquid, reentrant):
    network = make_liquid((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)
    tensors = [x, *network.parameters()]

    def outputs(x):
        return network.forward_sequence(x)[0]

    expected = torch.autograd.grad(outputs(x).square().sum(), tensors)
    y = checkpoint(outputs, x, use_reentrant=reentrant)
    y.square().sum().backward()
    close([tensor.grad for tensor in tensors], expected)


def test_outputs_may_be_changed_in_place(path, make_liquid):
    network = make_liquid((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)
    expected = torch.autograd.grad((2 * network.forward_sequence(x)[0]).sum(), x)
    y, _ = network.forward_sequence(x)
    y.mul_(2)
    close(torch.autograd.grad(y.sum(), x), expected)


@pytest.mark.parametrize("output", [0, 1])
def test_second_derivative_of_one_output_alone_is_right(path, make_liquid, output):
    network = make_liquid((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)

    def second(run):
        loss = run(x)[output].square().sum()
        (first,) = torch.autograd.grad(loss, x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)

    def steps(x):
        hidden, outputs = network.initial_state(4), []
        for row in x:
            y, hidden = network(row, hidden)
            outputs.append(y)
        return torch.stack(outputs), hidden

    close(second(network.forward_sequence), second(steps))


@pytest.mark.parametrize("output", [0, 1])
def test_batched_gradients_are_those_one_by_one(path, make_liquid, output):
    network = make_liquid((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)
    y = network.forward_sequence(x)[output]
    directions = torch.randn(6, *y.shape, dtype=path.dtype)
    (got,) = torch.autograd.grad(
        y, x, directions, is_grads_batched=True, retain_graph=True
    )
    one_by_one = [
        torch.autograd.grad(y, x, direction, retain_graph=True)[0]
        for direction in directions
    ]
    close(got, torch.stack(one_by_one))
