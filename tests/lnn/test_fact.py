"""What `velora info` tells of compiled loops and kernels is so."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch
from paths import TRITON, has_numba

from velora.models import plugin
from velora.models.lnn.compiled.fact import compiled_loops
from velora.models.lnn.gated_leaky import backends
from velora.models.lnn.kernels.fact import gpu_kernels
from velora.plugins import Entry, Registry, facts

PROGRAM = """
import sys
{before}
from velora.models.lnn.activation import _takes_loops
from velora.models.lnn.compiled.fact import compiled_loops
import torch
print(_takes_loops(torch.zeros(1)), compiled_loops())
"""
BLOCKED = "sys.modules['numba'] = None"
BROKEN = """
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "numba.np":
            raise ImportError("Numba needs NumPy 1.0 or less")
sys.meta_path.insert(0, Finder)
"""
NOWHERE = """
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = []
"""
needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
CASES = {
    "no numba": (BLOCKED, {}, "off: numba is not installed: pip install 'velora-lnn["),
    "forced": (
        BLOCKED,
        {"VELORA_SCAN": "numba"},
        "off: numba is not installed: pip install 'velora-lnn[fast]'; an error with "
        "VELORA_SCAN=numba",
    ),
    "operators": ("", {"VELORA_SCAN": "operators"}, "off: VELORA_SCAN=operators"),
    "steps": ("", {"VELORA_SCAN": "steps"}, "off: VELORA_SCAN=steps"),
}
NUMBA = version("numba") if has_numba() else ""
NUMBA_CASES = {
    "plain": ("", {}, f"on: compiled by numba {NUMBA}"),
    "on": ("", {"VELORA_SCAN": "numba"}, f"on: compiled by numba {NUMBA}"),
    "empty": ("", {"VELORA_SCAN": ""}, "on: compiled by numba"),
    "no compiling": ("", {"NUMBA_DISABLE_JIT": "1"}, "off: NUMBA_DISABLE_JIT is set"),
    "unfit": (BROKEN, {}, "off: numba cannot compile: ImportError: Numba needs NumPy"),
    "nowhere": (NOWHERE, {}, ", by each process anew, as numba cannot keep them"),
}


def told(before, settings):
    """Whether a process of its own computes in loops, and what it says of them."""
    unset = ("VELORA_", "NUMBA_DISABLE_JIT")
    env = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env=env | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    takes, _, text = done.stdout.strip().partition(" ")
    return takes == "True", text


@pytest.mark.parametrize("case", CASES)
def test_off_is_told_with_its_reason(case):
    takes, text = told(*CASES[case][:2])
    assert not takes
    assert text.startswith(CASES[case][2])


@needs_numba
@pytest.mark.parametrize("case", NUMBA_CASES)
def test_numba_is_told_as_it_is(case):
    takes, text = told(*NUMBA_CASES[case][:2])
    assert takes == text.startswith("on: ")
    assert NUMBA_CASES[case][2] in text


def test_name_of_no_backend_is_told_as_the_error_that_it_is(monkeypatch):
    monkeypatch.setenv("VELORA_SCAN", "nubma")
    assert compiled_loops() == (
        "an error: VELORA_SCAN must be one of ['numba', 'triton', 'operators', "
        "'steps'], or unset; got 'nubma'"
    )


def test_kernels_are_told_as_they_are(monkeypatch):
    monkeypatch.delenv("VELORA_SCAN", raising=False)
    told = gpu_kernels()
    if torch.cuda.is_available():
        tensor = torch.zeros(3, 2, 12, device="cuda")
        assert backends.choose(tensor, 96).name == TRITON.name
        assert told == f"on: compiled by Triton {version('triton')}"
    else:
        assert told == "off: PyTorch finds no GPU that CUDA drives"
    monkeypatch.setenv("VELORA_SCAN", "operators")
    assert gpu_kernels() == "off: VELORA_SCAN=operators"


@pytest.mark.parametrize("way", ["hook", "entry point"])
@pytest.mark.parametrize(
    ("name", "fact"),
    [("compiled loops", compiled_loops), ("GPU kernels", gpu_kernels)],
)
def test_fact_is_registered(way, name, fact):
    registry = Registry("fact", Entry)
    plugin.velora_register_facts(registry)
    registered = facts() if way == "entry point" else registry
    assert registered[name].build is fact
    assert registered[name].summary
