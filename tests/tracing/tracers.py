"""What records a module, each as a function that takes any number of rows.

A tracer is called with the module, the arguments to record it with, and where each
argument has its batch.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

Function = Callable[..., Any]
Tracer = Callable[[nn.Module, Sequence[Tensor], Sequence[int]], Function]


def jit_trace(module: nn.Module, args: Sequence[Tensor], _: Sequence[int]) -> Function:
    recorded: Function = torch.jit.trace(module, tuple(args))
    return recorded


def export(
    module: nn.Module, args: Sequence[Tensor], batch: Sequence[int], *, strict: bool
) -> Function:
    dim = torch.export.Dim("batch", min=1)
    # Of one row PyTorch refuses to export a batch of any size, whatever the module,
    # unless told so; its exporter to ONNX tells so as well.
    one_row = args[0].shape[batch[0]] == 1
    with torch.fx.experimental._config.patch(backed_size_oblivious=one_row):
        program = torch.export.export(
            module,
            tuple(args),
            dynamic_shapes=[{axis: dim} for axis in batch],
            strict=strict,
        )
    recorded: Function = program.module()
    return recorded


def onnx_torchscript(
    module: nn.Module, args: Sequence[Tensor], batch: Sequence[int]
) -> Function:
    _need_onnx()
    names = [f"input_{index}" for index in range(len(args))]
    file = io.BytesIO()
    torch.onnx.export(
        module,
        tuple(args),
        file,
        dynamo=False,
        input_names=names,
        dynamic_axes={
            name: {axis: "batch"} for name, axis in zip(names, batch, strict=True)
        },
    )
    return _onnx_session(file, names)


def onnx_dynamo(
    module: nn.Module, args: Sequence[Tensor], batch: Sequence[int]
) -> Function:
    _need_onnx()
    names = [f"input_{index}" for index in range(len(args))]
    program = torch.onnx.export(
        module,
        tuple(args),
        dynamo=True,
        verbose=False,
        input_names=names,
        dynamic_shapes=[{axis: torch.export.Dim.DYNAMIC} for axis in batch],
    )
    file = io.BytesIO()
    program.save(file)
    return _onnx_session(file, names)


def _need_onnx() -> None:
    for module in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(module, reason=f"needs {module}, as tox installs it")


def _onnx_session(file: io.BytesIO, names: list[str]) -> Function:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        file.getvalue(), providers=["CPUExecutionProvider"]
    )
    known = {given.name for given in session.get_inputs()}

    def run(*args: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(names, (arg.numpy() for arg in args), strict=True))
        outputs = session.run(None, {name: given[name] for name in known})
        return tuple(torch.from_numpy(np.asarray(output)) for output in outputs)

    return run


def compiled(
    module: nn.Module, args: Sequence[Tensor], _: Sequence[int], *, backend: str
) -> Function:
    torch._dynamo.reset()
    recorded: Function = torch.compile(module, backend=backend, fullgraph=True)
    recorded(*args)
    return recorded


TRACERS: dict[str, Tracer] = {
    "jit.trace": jit_trace,
    "export": partial(export, strict=False),
    "strict export": partial(export, strict=True),
    "onnx by TorchScript": onnx_torchscript,
    "onnx": onnx_dynamo,
    "compile": partial(compiled, backend="eager"),
    "compile with autograd": partial(compiled, backend="aot_eager"),
}
EXPORTS = ("export", "strict export", "onnx")

_SLOW = ("strict export", "onnx", "compile", "compile with autograd")
ROWS = (1, 3, 256)  # with which what was recorded is called
# What PyTorch's tracers warn about is their own code, and that they are old. What they
# warn about ours is an error, as everywhere.
THEIR_WARNINGS = [
    pytest.mark.filterwarnings("ignore:::torch"),
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated"),
]


def each_tracer(*kinds: str) -> pytest.MarkDecorator:
    """Gives a test every tracer with every kind of module, and rows to record it with.

    These are one and three, but one of the two for what takes seconds, in turn.
    """
    cases = []
    for index, kind in enumerate(kinds):
        in_turn = 1 if index % 2 == 0 else 3
        other_compiler = ("compile with autograd", "compile")[index % 2]
        for tracer in TRACERS:
            if tracer != other_compiler:
                rows = (in_turn,) if tracer in _SLOW else (1, 3)
                cases += [(tracer, kind, n) for n in rows]
    return pytest.mark.parametrize(("tracer", "kind", "rows"), cases)


def assert_equal(got: Any, expected: Any) -> None:
    """Compares what two modules return: a tensor, or tensors."""
    got, expected = as_tuple(got), as_tuple(expected)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """Returns what a module returns as a tuple of tensors, whatever it is."""
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)
