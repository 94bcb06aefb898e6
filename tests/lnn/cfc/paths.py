"""The paths that a sequence can take, and how a test sees to it that one is taken."""

import importlib.util
import warnings
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from velora.models.lnn.backend import Backend
from velora.models.lnn.cfc import backends
from velora.models.lnn.cfc.backends.numba_loops import has_numba

__all__ = ["NUMBA", "OPERATORS", "PATHS", "force", "has_numba", "interpret", "taken"]

NUMBA, TRITON, OPERATORS = backends.BACKENDS
WIDE = NUMBA._replace(lay_out=Tensor.contiguous)
F32, F64 = torch.float32, torch.float64


class Path(NamedTuple):
    """A dtype, and the backend that computes in it."""

    dtype: torch.dtype
    backend: Backend


PATHS = {
    "operators": Path(F64, OPERATORS),
    "operators in float32": Path(F32, OPERATORS),
    "compiled": Path(F32, NUMBA),
    # Which otherwise lies like this from 192 states on, and has a product of its own.
    "compiled as for wide states": Path(F32, WIDE),
    "kernels": Path(F32, TRITON),
}


def interpret(monkeypatch):
    """Has sequences take Triton's kernels, which run on the CPU, step by step."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    if torch.cuda.is_available():
        pytest.skip("kernels are compiled here: test_devices.py has them on the GPU")
    monkeypatch.setenv("VELORA_SCAN", "triton")  # and see ../conftest.py
    # NumPy's, of numbers that a kernel computes and does not store.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="triton")


def force(monkeypatch, name, room=backends):
    """Makes sequences take one path at any length, and counts which ones they take.

    `room` is where the recurrence has its table.
    """
    backend = PATHS[name].backend
    if backend.name == "numba" and not has_numba():
        pytest.skip("numba is not installed")
    if backend.name == "triton":
        interpret(monkeypatch)
    calls = Counter()

    def counted(name, function):
        def call(*arguments):
            calls[name] += 1
            return function(*arguments)

        return call

    def watched(each):
        return each._replace(
            forward=counted(f"{each.name} forward", each.forward),
            backward=counted(f"{each.name} backward", each.backward),
        )

    table = [
        each._replace(lay_out=backend.lay_out) if each.name == backend.name else each
        for each in room.BACKENDS
    ]
    monkeypatch.setattr(room, "BACKENDS", tuple(map(watched, table)))
    monkeypatch.setattr(room, "SHORT", 0, raising=False)  # where there is any
    monkeypatch.setenv("VELORA_SCAN", backend.name)
    return calls


@contextmanager
def taken(monkeypatch, name, room):
    """Forces a path: it is an error if sequences took another or none."""
    dtype, backend = PATHS[name]
    calls = force(monkeypatch, name, room)
    yield SimpleNamespace(dtype=dtype, calls=calls)
    assert calls[f"{backend.name} forward"]
    assert set(calls) <= {f"{backend.name} {way}" for way in ("forward", "backward")}
