"""Kernels are compiled for the GPUs that they are for, here where there is none.

That they compute the same as other paths is a matter of `cfc/paths.py`, which has an
interpreter run them, and on a GPU of `test_devices.py`.
"""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch
from paths import interpret

from velora.models import LTCNetwork
from velora.models.lnn.kernels.operands import launch

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed"
)
COMPILE = """
import importlib, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

room, capability, *sizes = sys.argv[1], *map(int, sys.argv[2:])
rows, size, block, warps, stages = sizes
kernels = importlib.import_module(f"velora.models.lnn.{room}.kernels")
target = GPUTarget("cuda", capability, 32)
for name in ("scan_forward", "scan_backward"):
    kernel = getattr(kernels, name)
    constants = dict(HAS_RESETS=True, HAS_TIMES=True)
    constants |= dict(ROWS=rows, SIZE=size, BLOCK=block)
    types = dict.fromkeys(kernel.arg_names, "*fp32") | {"resets": "*u8"}
    types |= dict.fromkeys(("steps", "batch", "hidden", "width"), "i32")
    types |= dict.fromkeys(constants, "constexpr")
    made = triton.compile(
        ASTSource(kernel, types, constants),
        target,
        options={"num_warps": warps, "num_stages": stages},
    )
    print(made.metadata.shared)
"""
SHARED = 48 * 1024
"""Bytes of shared memory that a block may have on any GPU without asking."""


@needs_triton
@pytest.mark.parametrize("hidden", [1, 40, 100, 256])
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("room", ["cfc", "gated_leaky"])
def test_kernels_are_compiled_and_fit(room, capability, hidden):
    options = launch(
        torch.empty(5, 3, 3 * hidden),
        torch.empty(3 * hidden, hidden),
        torch.empty(5, 3, hidden),
    ).options
    names = ("ROWS", "SIZE", "BLOCK", "num_warps", "num_stages")
    cut = [str(options[name]) for name in names]
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, room, str(capability), *cut],
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert max(map(int, done.stdout.split())) <= SHARED


@pytest.mark.parametrize(("hidden", "size"), [(1, 16), (16, 16), (17, 32), (256, 256)])
def test_states_are_filled_up_to_a_power_of_two(hidden, size):
    made = launch(
        torch.empty(5, 33, 3 * hidden),
        torch.empty(3 * hidden, hidden),
        torch.empty(5, 33, hidden + 2),
    )
    assert made.options["SIZE"] == size
    assert made.grid == (3,)
    assert made.sizes == (5, 33, hidden, hidden + 2)


def test_a_compiler_that_cannot_is_told_with_its_reason(monkeypatch, caplog):
    interpret(monkeypatch)
    from velora.models.lnn.kernels import availability, trial

    def refuse(device):
        raise RuntimeError("no compiler for C")

    monkeypatch.setattr(trial, "try_out", refuse)
    monkeypatch.setattr(availability, "REFUSED", {})
    room = "velora.models.lnn.gated_leaky.kernels"
    assert availability.kernels.__wrapped__(room) is None
    assert availability.REFUSED[room] == (
        "Triton cannot compile: RuntimeError: no compiler for C"
    )
    assert "VELORA_SCAN=operators" in caplog.text


def test_arguments_on_several_devices_are_refused():
    heads, state = torch.empty(5, 3, 12), torch.empty(5, 3, 4, device="meta")
    with pytest.raises(ValueError, match="must be on one device; got cpu and meta"):
        launch(heads, torch.empty(12, 4), state)


def test_a_recurrence_without_the_backend_takes_its_fastest(monkeypatch):
    x = torch.randn(4, 2, 3)
    network = LTCNetwork(3, 16, 2)
    expected = network.forward_sequence(x)
    monkeypatch.setenv("VELORA_SCAN", "triton")
    torch.testing.assert_close(network.forward_sequence(x), expected)
