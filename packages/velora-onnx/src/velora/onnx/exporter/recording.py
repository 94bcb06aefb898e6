"""PyTorch's exporter: a module becomes the bytes of a file."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch

import onnx
from velora.onnx.description import KEY, MASKS, STARTS, Description
from velora.onnx.exporter.acting import Acting

OPSET = 17
_N_ENVS = 2  # in the recording; the file takes any number


def record(acting: Acting, says: Description, device: torch.device) -> bytes:
    """Returns the ONNX file of a module, with its description.

    A trace, not `torch.export`: networks of plugins may ask for values or sizes, which
    a trace goes past, and whoever calls this compares what was recorded.

    Args:
        acting: the module.
        says: its inputs and outputs.
        device: the module's.

    Raises:
        ValueError: PyTorch cannot record it.
    """
    acting.names = says.inputs
    acting.keys = {port.name: port.key for port in says.observations}
    arrays = {
        port.name: port.zeros(_N_ENVS) for port in (*says.observations, *says.states)
    }
    arrays[STARTS] = np.ones(_N_ENVS, dtype=bool)
    if says.masks is not None:
        arrays[MASKS] = np.ones((_N_ENVS, sum(says.masks.counts)), dtype=bool)
    example = tuple(
        torch.as_tensor(arrays[name], device=device) for name in says.inputs
    )
    file = io.BytesIO()
    try:
        with _quietly(), torch.no_grad():
            torch.onnx.export(  # which takes a file in memory, too
                acting.eval(),
                example,
                cast("Any", file),
                dynamo=False,
                opset_version=OPSET,
                input_names=says.inputs,
                output_names=says.outputs,
                dynamic_axes={
                    name: {0: "n_envs"} for name in (*says.inputs, *says.outputs)
                },
            )
    except Exception as error:  # the exporter has many of its own
        why = str(error).partition("\n")[0]
        raise ValueError(
            f"PyTorch cannot record {says.made_of} for ONNX: {why}"
        ) from error
    graph = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(graph, {KEY: says.dumps()})
    content: bytes = graph.SerializeToString()
    return content


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps what the exporter says of itself, and of values that are looked at."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
