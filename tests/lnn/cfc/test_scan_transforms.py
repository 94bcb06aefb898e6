"""scan: torch.func, torch.compile, autocast and batched gradients."""

import pytest
import torch
from paths import force
from scans import (
    F32,
    F64,
    NAMES,
    TOLERANCES,
    assert_equal,
    close,
    differentiable,
    drawn_loss,
    numbers,
    values_and_gradients,
)

from velora.models.lnn.activation import mish
from velora.models.lnn.scan import scan


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


@pytest.mark.parametrize("name", ["operators", "compiled"])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_network_trains_in_bfloat16(
    monkeypatch, make_liquid, name, autocast, timespans
):
    calls = force(monkeypatch, name)
    if name == "compiled":  # which takes single precision alone
        monkeypatch.delenv("VELORA_SCAN")
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
    taken = "numba" if autocast and name == "compiled" else "operators"
    assert calls == {f"{taken} forward": 1, f"{taken} backward": 1}


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
