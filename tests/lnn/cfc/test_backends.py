"""The table of backends: which one a sequence takes, and what forces another."""

import os
import subprocess
import sys
from functools import partial

import pytest
import torch
from paths import NUMBA, OPERATORS, force, has_numba, interpret
from scans import F32, F64, close, numbers, slow

from velora.models.lnn.cfc import backends
from velora.models.lnn.scan import scan

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


@needs_numba
@pytest.mark.parametrize(
    ("threads", "work", "taken"),
    [(1, 20e6, True), (1, 21e6, False), (2, 5e6, True), (2, 6e6, False)],
)
def test_compiled_loops_are_taken_up_to_a_size(request, threads, work, taken):
    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(threads)
    x = torch.zeros(1)
    assert backends.choose(x, work) is (NUMBA if taken else OPERATORS)
    assert backends.choose(x.double(), work) is OPERATORS


@pytest.mark.parametrize(("hidden", "by_columns"), [(191, True), (192, False)])
def test_weight_lies_as_the_loop_that_reads_it_likes(hidden, by_columns):
    weight = torch.randn(4 * hidden, 2 * hidden)[:, hidden:]
    laid_out = NUMBA.lay_out(weight)
    assert torch.equal(laid_out, weight)
    assert laid_out.stride() == ((1, 4 * hidden) if by_columns else (hidden, 1))


def test_weight_lies_by_rows_for_operators():
    weight = torch.randn(12, 6)[:, 3:]
    laid_out = OPERATORS.lay_out(weight)
    assert torch.equal(laid_out, weight)
    assert laid_out.stride() == (3, 1)


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
    calls = force(monkeypatch, "operators")
    monkeypatch.setenv("VELORA_SCAN", name)
    x = numbers(5, 3, 4, dtype, timespans="(T, B)", resets=True)
    close(scan(**x), slow(**x))
    assert calls == taken


@pytest.mark.parametrize("name", ["numba", "triton", "operators", "steps"])
def test_variable_is_for_whole_networks_too(monkeypatch, make_liquid, name):
    if name == "numba" and not has_numba():
        pytest.skip("numba is not installed")
    if name == "triton":
        interpret(monkeypatch)
    calls = force(monkeypatch, "operators")
    network, x = make_liquid((3, 24, 2), F32), torch.randn(5, 3, 3)
    monkeypatch.delenv("VELORA_SCAN")
    expected = network.forward_sequence(x)
    calls.clear()
    monkeypatch.setenv("VELORA_SCAN", name)
    y, state = network.forward_sequence(x)
    close((y, state), expected)
    (y.sum() + state.sum()).backward()
    ways = () if name == "steps" else ("forward", "backward")
    assert calls == {f"{name} {way}": 1 for way in ways}


def test_large_sequences_are_forced_too(monkeypatch):
    if not has_numba():
        pytest.skip("numba is not installed")
    monkeypatch.setenv("VELORA_SCAN", "numba")
    assert backends.choose(torch.zeros(1), work=10**12) is NUMBA


def test_unknown_backend_is_refused(monkeypatch):
    monkeypatch.setenv("VELORA_SCAN", "nubma")
    with pytest.raises(ValueError, match=r"VELORA_SCAN.*numba.*steps.*got 'nubma'"):
        scan(**numbers(5, 3, 4, F32))


@pytest.mark.parametrize("name", ["numba", "triton"])
def test_backend_that_cannot_take_the_numbers_is_refused(monkeypatch, name):
    monkeypatch.setenv("VELORA_SCAN", name)
    with pytest.raises(RuntimeError, match=rf"VELORA_SCAN={name}.*float64 on cpu"):
        scan(**numbers(5, 3, 4, F64))


@pytest.mark.parametrize("steps", [1, 2])
def test_short_sequences_are_unrolled_whatever_is_forced(monkeypatch, steps):
    calls = force(monkeypatch, "operators")
    monkeypatch.setattr(backends, "SHORT", 2)
    x = numbers(steps, 3, 4, F64)
    close(scan(**x), slow(**x))
    assert not calls


ALONE = """
import sys, torch
{before}
from velora.models.lnn import LiquidNCPNetwork, compiled
assert compiled.loops("velora.models.lnn.cfc.loops") is None
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
