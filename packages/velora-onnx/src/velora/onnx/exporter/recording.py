"""PyTorch's exporter: a module becomes the bytes of a file."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
import torch

import onnx
from velora.onnx.description import KEY, MASKS, STARTS, Description
from velora.onnx.exporter.acting import Acting

OPSET = 17
_N_ENVS = 2  # in the recording; the file takes any number
_KNOWN = ("velora", "torch", "stable_baselines3", "sb3_contrib")
_BRANCHED = "Converting a tensor to a Python"  # boolean, integer, float


def record(
    acting: Acting, says: Description, device: torch.device
) -> tuple[bytes, list[str]]:
    """Makes the ONNX file of a module, with its description.

    A trace, not `torch.export`: networks of plugins may ask for values or sizes, which
    a trace goes past, and whoever calls this compares what was recorded.

    Args:
        acting: the module.
        says: its inputs and outputs.
        device: the module's.

    Returns:
        The file, and the lines of other people's code that look at values or sizes, as
        "file.py:3": what is recorded went past them one way, and goes so always.

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
        with _quietly() as said, torch.no_grad():
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
    return content, _branches(said)


def _branches(said: list[warnings.WarningMessage]) -> list[str]:
    known = tuple(
        folder + os.sep
        for name in _KNOWN
        if (spec := find_spec(name)) is not None
        for folder in spec.submodule_search_locations or ()
    )
    return list(
        dict.fromkeys(
            f"{each.filename}:{each.lineno}"
            for each in said
            if str(each.message).startswith(_BRANCHED)
            and not each.filename.startswith(known)
        )
    )


@contextmanager
def _quietly() -> Iterator[list[warnings.WarningMessage]]:
    """Keeps what the exporter says of itself, and gives all warnings."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            yield said
    finally:
        logger.setLevel(before)
