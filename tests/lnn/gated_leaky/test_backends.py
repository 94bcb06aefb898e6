"""The table of backends of the gated leaky integrator, and what forces one of them."""

from functools import partial

import pytest
import torch
from leaks import numbers, scan, slow
from paths import force, has_numba, interpret
from scans import F32, F64, close

from velora.models.lnn import GatedLeakyNCPNetwork
from velora.models.lnn.gated_leaky import backends

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


@needs_numba
@pytest.mark.parametrize(
    ("threads", "work", "name"),
    [(1, 20e6, "numba"), (1, 21e6, "operators"), (2, 6e6, "operators")],
)
def test_compiled_loops_are_taken_up_to_a_size(request, threads, work, name):
    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(threads)
    assert backends.choose(torch.zeros(1), work).name == name
    assert backends.choose(torch.zeros(1).double(), work).name == "operators"


@pytest.mark.parametrize(
    ("name", "dtype", "taken"),
    [
        pytest.param("numba", F32, {"numba forward": 1}, marks=needs_numba),
        ("operators", F32, {"operators forward": 1}),
        ("operators", F64, {"operators forward": 1}),
        ("steps", F32, {}),
        ("", F64, {"operators forward": 1}),
    ],
)
def test_variable_forces_a_backend_at_each_call(monkeypatch, name, dtype, taken):
    calls = force(monkeypatch, "operators", backends)
    monkeypatch.setenv("VELORA_SCAN", name)
    x = numbers(5, 3, 4, dtype, timed=True, resets=True)
    close(scan(**x), slow(**x))
    assert calls == taken


@pytest.mark.parametrize("name", ["numba", "triton", "operators", "steps"])
def test_variable_is_for_networks_too(monkeypatch, name):
    if name == "numba" and not has_numba():
        pytest.skip("numba is not installed")
    if name == "triton":
        interpret(monkeypatch)
    calls = force(monkeypatch, "operators", backends)
    network, x = GatedLeakyNCPNetwork(3, 24, 2), torch.randn(5, 3, 3)
    monkeypatch.delenv("VELORA_SCAN")
    expected = network.forward_sequence(x)
    calls.clear()
    monkeypatch.setenv("VELORA_SCAN", name)
    y, state = network.forward_sequence(x)
    close((y, state), expected)
    (y.sum() + state.sum()).backward()
    ways = () if name == "steps" else ("forward", "backward")
    assert calls == {f"{name} {way}": 1 for way in ways}


@pytest.mark.parametrize("steps", [1, 2])
def test_short_sequences_are_unrolled_whatever_is_forced(monkeypatch, steps):
    calls = force(monkeypatch, "operators", backends)
    monkeypatch.setattr(backends, "SHORT", 2)
    x = numbers(steps, 3, 4, F64)
    close(scan(**x), slow(**x))
    assert not calls


def test_unknown_backend_is_refused(monkeypatch):
    monkeypatch.setenv("VELORA_SCAN", "nubma")
    with pytest.raises(ValueError, match=r"VELORA_SCAN.*numba.*steps.*got 'nubma'"):
        scan(**numbers(5, 3, 4, F32))


@pytest.mark.parametrize("name", ["numba", "triton"])
def test_backend_that_cannot_take_the_numbers_is_refused(monkeypatch, name):
    monkeypatch.setenv("VELORA_SCAN", name)
    with pytest.raises(RuntimeError, match=rf"VELORA_SCAN={name}.*float64 on cpu"):
        scan(**numbers(5, 3, 4, F64))
